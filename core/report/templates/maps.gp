load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# Tiles: n_down rows of n_across; after `wrap` columns they go on in a further band.
wrap = n_across < 10 ? n_across : 10
bands = (n_across + wrap - 1)/wrap
side = wrap > 5 ? 82. : 104.    # pixels of a tile's longer side
cell_x = side/cols
cell_y = cell_x*rows > 1.5*side ? 1.5*side/rows : (cell_x*rows < 14 ? 14./rows : cell_x)
gap = 7.
step_x = cols*cell_x + gap
step_y = rows*cell_y + gap
band = n_down*step_y + 26
left = down_width*8.2 + 18
# On paper as many stand side by side as fit.
fitting = int((page - left - 106)/step_x)
if (exists('format') && fitting < wrap) { wrap = fitting > 1 ? fitting : 1; bands = (n_across + wrap - 1)/wrap }
width = int(left + wrap*step_x + 106)
height = int(bands*band + 8 < 150 ? 150 : bands*band + 8)
@picture
set lmargin at screen 0; set rmargin at screen 1
set bmargin at screen 0; set tmargin at screen 1
# One unit of the axes is one pixel.
set xrange [0:width]
set yrange [height:0]
unset border; unset tics; unset key; unset grid
if (diverging) { set palette @centred } else { set palette @sequential }
set cbrange [low:high]
if (log_scale) { set logscale cb }
bar = bands*band - 40 > 260 ? 260. : bands*band - 40
if (bar < 84) { bar = 84. }
set colorbox user origin (width - 92.)/width, (1 - (26. + bar)/height) size 13./width, bar/height
set cblabel scale offset 0.6,0 font small
set cbtics scale 0.4 font small
if (diverging) { set cbtics (low, low/2, 0, high/2, high) }
set format cb '%.3g'
x(c) = left + ((c-1)%wrap)*step_x
y(d,c) = 26 + ((c-1)/wrap)*band + (d-1)*step_y
tag = 1
do for [c=1:n_across] {
  set label tag across[c] at first (x(c) + cols*cell_x/2), first (y(1,c) - 11) center font small
  tag = tag + 1
}
do for [b=0:bands-1] {
  do for [d=1:n_down] {
    set label tag down[d] at first (left - 10), first (y(d, b*wrap + 1) + rows*cell_y/2) right
    tag = tag + 1
  }
}
tag = 1
do for [c=1:n_across] {
  do for [d=1:n_down] {
    set object tag rectangle from first x(c), first y(d,c) to first (x(c) + cols*cell_x), first (y(d,c) + rows*cell_y) front fs empty border lc rgb line_grey lw 0.6
    tag = tag + 1
  }
}
plot for [d=1:n_down] for [c=1:n_across] data index ((d-1)*n_across + c-1) matrix \
  using (x(c) + ($1 + 0.5)*cell_x):(y(d,c) + ($2 + 0.5)*cell_y):3 with image, \
  for [i=1:(n_outline > 0)] data index n_down*n_across using (x(int($2)) + $3*cell_x):(y(int($1),int($2)) + $4*cell_y):($5*cell_x):($6*cell_y) with vectors nohead lw 1.6 lc rgb '#10101a'
