load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# A tile an arm, then the legend.
array colour[20] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8c6d31', '#f0e442', '#7b3294', '#a6611a', '#66c2a5', '#e7298a', '#1b3a6b', '#b2df8a', '#fb9a99', '#5e3c99', '#c2a5cf', '#238b45', '#fdbf6f', '#b15928']
side = 150.
cell_x = side/cols
cell_y = cell_x*rows > 1.5*side ? 1.5*side/rows : (cell_x*rows < 20 ? 20./rows : cell_x)
step_x = cols*cell_x + 22 < 178 ? 178. : cols*cell_x + 22
wrap = int((page - 16)/step_x)
if (wrap > n_shown) { wrap = n_shown }
if (wrap < 1) { wrap = 1 }
bands = (n_shown + wrap - 1)/wrap
band = rows*cell_y + 34
n_key = n_class + none + other
key_wide = 150.
key_across = int((page - 16)/key_wide)
key_lines = (n_key + key_across - 1)/key_across
need = (key_lines > 1 ? key_across : n_key)*key_wide + 16
width = int(wrap*step_x + 16 > need ? wrap*step_x + 16 : need)
height = int(bands*band + 20*key_lines + 18)
@picture
set lmargin at screen 0; set rmargin at screen 1
set bmargin at screen 0; set tmargin at screen 1
set xrange [0:width]
set yrange [height:0]
unset border; unset tics; unset key; unset grid; unset colorbox
steps = "defined (0 '#ffffff'"
do for [c=1:20] { steps = steps.sprintf(", %d '%s'", c, colour[c]) }
steps = steps.", 21 '#999999') maxcolors 22"
set palette @steps
set cbrange [-0.5:21.5]
x(k) = 8 + ((k-1)%wrap)*step_x
y(k) = 26 + ((k-1)/wrap)*band
do for [k=1:n_shown] {
  set label k arm[shown[k]] at first x(k), first (y(k) - 12) left
  set object k rectangle from first x(k), first y(k) to first (x(k) + cols*cell_x), first (y(k) + rows*cell_y) front fs empty border lc rgb line_grey lw 0.6
}
kx(i) = 8 + ((i-1)%key_across)*key_wide
ky(i) = bands*band + 14 + 20*((i-1)/key_across)
do for [i=1:n_key] {
  fill_ = i <= n_class ? colour[i] : (other && i == n_class + 1 ? '#999999' : '#ffffff')
  text_ = i <= n_class ? class[i] : (other && i == n_class + 1 ? 'another class' : 'none')
  set object (1000 + i) rectangle from first kx(i), first (ky(i) - 6) to first (kx(i) + 13), first (ky(i) + 6) front fc rgb fill_ fs solid border lc rgb line_grey
  set label (1000 + i) text_ at first (kx(i) + 20), first ky(i) left font small
}
plot for [k=1:n_shown] data index (k-1) matrix \
  using (x(k) + ($1 + 0.5)*cell_x):(y(k) + ($2 + 0.5)*cell_y):3 with image
