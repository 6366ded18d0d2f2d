load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# A matrix an arm.
wrap = n_shown < columns(2) ? n_shown : columns(2)
bands = (n_shown + wrap - 1)/wrap
step_x = (page - 16.)/columns(2)
wide = step_x - 24
tall = rows*8. < 90 ? 90. : (rows*8. > 180 ? 180. : rows*8.)
band = tall + 62
width = int(wrap*step_x + 16)
height = int(bands*band + 4)
@picture
set lmargin at screen 0; set rmargin at screen 1
set bmargin at screen 0; set tmargin at screen 1
set xrange [0:width]
set yrange [height:0]
unset border; unset tics; unset key; unset grid; unset colorbox
set palette defined (0 '#eef2f6', 1 '#0b2a4a')
set cbrange [0:1]
x(k) = 8 + ((k-1)%wrap)*step_x
y(k) = 46 + ((k-1)/wrap)*band
do for [k=1:n_shown] {
  set label k arm[shown[k]] at first x(k), first (y(k) - 32) left
  set label (100 + k) said[shown[k]] at first x(k), first (y(k) - 13) left font small
  set object k rectangle from first x(k), first y(k) to first (x(k) + wide), first (y(k) + tall) front fs empty border lc rgb line_grey lw 0.6
}
plot for [k=1:n_shown] data index (k-1) matrix \
  using (x(k) + ($1 + 0.5)*wide/cols):(y(k) + ($2 + 0.5)*tall/rows):3 with image
