load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# A map a panel, one below the other where they are wide.
left = down_width*8.2 + 24
cell_x = 62.
cell_y = 30.
wide = n_across*cell_x
pitch = (wide < 284 ? 284 : wide) + 26
per_line = int((page - left)/pitch)
if (per_line < 1) { per_line = 1 }
if (per_line > n_panel) { per_line = n_panel }
bands = (n_panel + per_line - 1)/per_line
band = n_down*cell_y + 92
width = int(left + per_line*pitch)
height = int(bands*band)
@picture
set palette @sequential
unset colorbox; unset key; unset border; unset grid
tick(s) = strstrt(s, '%') ? s[1:strstrt(s, '%')].'%'.tick(s[strstrt(s, '%') + 1:*]) : s
set xtics scale 0 () offset 0,0.3
do for [v=1:n_across] { set xtics add (tick(across[v]) v) }
set xrange [0.5:n_across + 0.5]
set yrange [n_down + 0.5:0.5]
set xlabel across_key offset 0,0.5
px(x) = x/width
py(y) = 1 - y/height
# bright cells have dark text
bright(v, p) = high[p] > low[p] ? (v - low[p])/(high[p] - low[p]) > 0.6 : 0
set multiplot
do for [p=1:n_panel] {
  column_ = (p-1)%per_line
  top = ((p-1)/per_line)*band
  set lmargin at screen px(left + column_*pitch)
  set rmargin at screen px(left + column_*pitch + wide)
  set tmargin at screen py(top + 34)
  set bmargin at screen py(top + 34 + n_down*cell_y)
  if (column_ == 0) {
    set ytics scale 0 ()
    do for [d=1:n_down] { set ytics add (tick(down[d]) d) }
  } else { unset ytics }
  set label 1 panel[p] at graph 0, screen py(top + 18) left
  if (high[p] > low[p]) { set cbrange [low[p]:high[p]] } else { set cbrange [low[p] - 1:low[p] + 1] }
  plot data using ($1 == p ? $5 : NaN):3:($5 - 0.48):($5 + 0.48):($3 - 0.46):($3 + 0.46):6 with boxxyerror lc palette fs solid noborder, \
    data using ($1 == p && !bright($6, p) ? $5 : NaN):3:7 with labels font small textcolor rgb '#ffffff', \
    data using ($1 == p && bright($6, p) ? $5 : NaN):3:7 with labels font small textcolor rgb '#10101a'
}
unset multiplot
