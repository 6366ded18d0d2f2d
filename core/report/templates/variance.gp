load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# A row an arm; a panel a site and sheet, three side by side. A tick's label is a format: "%" is doubled.
tick(s) = strstrt(s, '%') ? s[1:strstrt(s, '%')].'%'.tick(s[strstrt(s, '%') + 1:*]) : s
width = int(page)
left = arm_width*8.2 + 22
most = page > 700 ? 3 : 1
across = n_panel < most ? n_panel : most
bands = (n_panel + across - 1)/across
step = (width - left - 24.)/across
row = n_arm > 12 ? 24. : 30.
head = page > 700 ? 70. : 114.
band = row*n_arm + 102.
height = int(head + band*bands - 34)
@picture
set yrange [n_arm + 0.6:0.4]
set grid noytics xtics lw 0.7 lt 1 lc rgb faint
set xrange [*:*] noextend
set offsets graph 0.04, graph 0.04, 0, 0
set xlabel 'spatial variance V, spacings²' offset 0,0.4
# Legend, in pixels from the left: a sample and its text.
px(x) = x/width
x0 = page > 700 ? left : 12.
y0 = 16.
# Where the next item, of that width, stands: in a further line where it would not fit.
item(w) = (x0 + w > page ? (y0 = y0 + 22, x0 = 12.) : 0)
tag = 10
if (n_chance) {
  set arrow tag from screen px(x0),(1 - y0/height) to screen px(x0+26),(1 - y0/height) nohead lw 1.4 dt 2 lc rgb line_grey
  set label tag 'units in any order' at screen px(x0+33),(1 - y0/height) left font small
  x0 = x0 + 165; tag = tag + 1
}
if (n_untrained) {
  dummy_ = item(165)
  set arrow tag from screen px(x0),(1 - y0/height) to screen px(x0+26),(1 - y0/height) nohead lw 2.4 dt 3 lc rgb line_grey
  set label tag 'untrained' at screen px(x0+33),(1 - y0/height) left font small
  x0 = x0 + 165; tag = tag + 1
}
dummy_ = item(125)
set label tag '' at screen px(x0+10),(1 - y0/height) point pt 7 ps 0.7 lc rgb line_grey
set label (tag+1) 'one network' at screen px(x0+22),(1 - y0/height) left font small
x0 = x0 + 125; tag = tag + 2
dummy_ = item(130)
set arrow tag from screen px(x0),(1 - y0/height) to screen px(x0+26),(1 - y0/height) nohead lw 2.2 lc rgb line_grey
set label tag 'mean and sd' at screen px(x0+33),(1 - y0/height) left font small
x0 = x0 + 130; tag = tag + 1
if (n_published) {
  dummy_ = item(110)
  set label tag '' at screen px(x0+10),(1 - y0/height) point pt 12 ps 1.1 lw 1.6 lc rgb 'black'
  set label (tag+1) 'published' at screen px(x0+24),(1 - y0/height) left font small
}
unset key
set multiplot
do for [s=1:n_panel] {
  column_of = (s - 1) % across
  top = head + band*((s - 1)/across)
  if (column_of == 0) {
    set ytics scale 0 ()
    do for [a=1:n_arm] { set ytics add (tick(arm[a]) a) }
  }
  set tmargin at screen 1 - top/height
  set bmargin at screen 1 - (top + row*n_arm + 4)/height
  set lmargin at screen px(left + column_of*step)
  set rmargin at screen px(left + (column_of + 1)*step - (column_of + 1 < across ? 36 : 0))
  set label 1 panel[s] at graph 0, screen (1 - (top - 18)/height) left
  here(x) = column(1) == s ? x : NaN
  plot data index 4 using (here($6)):5:($6-1.96*$7):($6+1.96*$7):($5-0.42):($5+0.42) with boxxyerror fs transparent solid 0.15 noborder lc rgb line_grey, \
    data index 4 using (here($6)):($5-0.42):(0):(0.84) with vectors nohead lw 1.4 dt 2 lc rgb line_grey, \
    data index 2 using (here($6)):($5-$7):(0):(2*$7) with vectors nohead lw 2.4 dt 3 lc rgb line_grey, \
    data index 1 using (here($6)-$7):5:(2*$7):(0):2 with vectors nohead lw 2.2 dt 1 lc variable, \
    data index 1 using (here($6)):($5-0.28):(0):(0.56):2 with vectors nohead lw 3.4 dt 1 lc variable, \
    for [a=1:n_arm] data index 0 using ($2 == a ? here($6) : NaN):5 with points lt a, \
    data index 3 using (here($6)):5 with points pt 12 ps 1.1 lw 1.6 lc rgb 'black'
  do for [t=10:tag+1] { unset arrow t; unset label t }
  unset ytics
}
unset multiplot
