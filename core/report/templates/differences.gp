load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# A row an arm, a panel a primary measure. A tick's label is a format: "%" is doubled.
tick(s) = strstrt(s, '%') ? s[1:strstrt(s, '%')].'%'.tick(s[strstrt(s, '%') + 1:*]) : s
array place[n_arm]
do for [a=1:n_arm] { place[a] = NaN }
do for [k=1:n_shown] { place[shown[k]] = k }
width = int(page)
left = arm_width*8.2 + 22
across = page > 700 ? n_panel : 1
step = (width - left - 24.)/across
row = n_shown > 12 ? 24. : 30.
head = 34.
band = head + row*n_shown + 72
height = int(band*((n_panel + across - 1)/across))
@picture
set yrange [n_shown + 0.6:0.4]
set grid noytics xtics lw 0.7 lt 1 lc rgb faint
set ytics scale 0 ()
do for [k=1:n_shown] { set ytics add (tick(arm[shown[k]]) k) }
set xrange [*:*] noextend
set offsets graph 0.06, graph 0.06, 0, 0
set xlabel 'less than '.reference.'  |  more than '.reference offset 0,0.4
px(x) = x/width
unset key
set multiplot
do for [p=1:n_panel] {
  column_of = (p-1)%across
  top = band*((p-1)/across) + head
  set lmargin at screen px(left + column_of*step)
  set rmargin at screen px(left + (column_of + 1)*step - (column_of + 1 < across ? 36 : 0))
  set tmargin at screen 1 - top/height
  set bmargin at screen 1 - (top + row*n_shown + 8)/height
  set label 1 panel[p] at graph 0, screen (1 - (top - 18)/height) left
  plot data using (0):(0.4):(0):(n_shown + 0.2) every ::0::0 with vectors nohead lw 1.4 dt 1 lc rgb line_grey, \
    for [side=-1:1:2] data using (side*margin[p]):(0.4):(0):(n_shown + 0.2) every ::0::0 with vectors nohead lw 1.4 dt 3 lc rgb line_grey, \
    data using ($1 == p ? $7 : NaN):(place[int($4)]):($8-$7):(0):4 with vectors nohead lw 2.2 dt 1 lc variable, \
    data using ($1 == p && $9 == 1 ? $6 : NaN):(place[int($4)]):4 with points pt 7 ps 0.9 lc variable, \
    data using ($1 == p && $9 != 1 ? $6 : NaN):(place[int($4)]) with points pt 7 ps 0.9 lc rgb 'white', \
    data using ($1 == p && $9 != 1 ? $6 : NaN):(place[int($4)]):4 with points pt 6 ps 0.9 lw 2 lc variable
  if (across > 1) { unset ytics }
}
unset multiplot
