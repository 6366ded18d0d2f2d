load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# A tile an arm, then the legend: hue an angle of 180 degrees, paler where the preference is weaker.
hue(degrees, strength) = hsv2rgb(degrees/180., strength, 0.95)
part(colour, shift) = (colour >> shift) & 255
unit(shift) = strcol(3) eq 'NaN' ? 187 : part(hue(real(strcol(3)), real(strcol(4))), shift)
side = 210.
cell_x = side/cols
cell_y = cell_x*rows > 1.5*side ? 1.5*side/rows : (cell_x*rows < 20 ? 20./rows : cell_x)
step_x = cols*cell_x + 22
wrap = int((page - 16)/step_x)
if (wrap > n_shown) { wrap = n_shown }
if (wrap < 1) { wrap = 1 }
bands = (n_shown + wrap - 1)/wrap
band = rows*cell_y + 34
width = int(wrap*step_x + 16 > 460 ? wrap*step_x + 16 : 460)
height = int(bands*band + 76)
@picture
set lmargin at screen 0; set rmargin at screen 1
set bmargin at screen 0; set tmargin at screen 1
set xrange [0:width]
set yrange [height:0]
unset border; unset tics; unset key; unset grid; unset colorbox
x(k) = 8 + ((k-1)%wrap)*step_x
y(k) = 26 + ((k-1)/wrap)*band
do for [k=1:n_shown] {
  set label k arm[shown[k]] at first x(k), first (y(k) - 12) left
  set object k rectangle from first x(k), first y(k) to first (x(k) + cols*cell_x), first (y(k) + rows*cell_y) front fs empty border lc rgb line_grey lw 0.6
}
key_y = bands*band + 14
do for [i=0:35] {
  do for [s=1:4] {
    set object (1000 + 4*i + s) rectangle from first (8 + 6*i), first (key_y + 6*(4 - s)) to first (14 + 6*i), first (key_y + 6*(5 - s)) fc rgb hue(5*i + 2.5, s/4.) fs solid noborder
  }
}
do for [i=0:4] { set label (1000 + i) sprintf('%d°', 45*i) at first (8 + 54*i), first (key_y + 36) center font small }
set label 1000 left
set label 1010 'strong above, weak below' at first 240, first (key_y + 5) left font small
set label 1011 'pinwheel +1/2' at first 256, first (key_y + 24) left font small
set label 1012 'pinwheel −1/2' at first 364, first (key_y + 24) left font small
set label 1013 '' at first 246, first (key_y + 24) point pt 7 ps 0.6 lc rgb '#000000'
set label 1014 '' at first 354, first (key_y + 24) point pt 7 ps 0.6 lc rgb '#000000'
set label 1015 '' at first 354, first (key_y + 24) point pt 7 ps 0.4 lc rgb '#ffffff' front
set datafile missing
plot for [k=1:n_shown] data index (k-1) \
    using (x(k) + ($1 + 0.5)*cell_x):(y(k) + ($2 + 0.5)*cell_y):(unit(16)):(unit(8)):(unit(0)) with rgbimage, \
  for [k=1:n_shown] data index (k-1) using ($5 != 0 ? x(k) + ($1 + 0.5)*cell_x : NaN):(y(k) + ($2 + 0.5)*cell_y) with points pt 7 ps 0.6 lc rgb '#000000', \
  for [k=1:n_shown] data index (k-1) using ($5 < 0 ? x(k) + ($1 + 0.5)*cell_x : NaN):(y(k) + ($2 + 0.5)*cell_y) with points pt 7 ps 0.4 lc rgb '#ffffff'
