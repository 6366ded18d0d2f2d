load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# Legend: three lines a row, over the panels.
per_line = page > 700 ? 3 : 1
legend_rows = (n_series + per_line - 1)/per_line
across = n_panel < columns(3) ? n_panel : columns(3)
pitch = (page - 2.)/columns(3)
head = 22.*legend_rows
each = 370.
width = int(page)
height = int(head + each*((n_panel + across - 1)/across))
@picture
px(x) = x/width
py(y) = 1 - y/height
do for [k=1:n_series] {
  legend_x = 65 + ((k-1)%per_line)*(page - 65.)/per_line
  legend_y = py(14. + 22*((k-1)/per_line))
  set arrow k from screen px(legend_x),legend_y to screen px(legend_x + 27),legend_y nohead lt k lw 2.6
  set label k series[k] at screen px(legend_x + 36),legend_y left
  set label (n_series + k) '' at screen px(legend_x + 13.5),legend_y point lt k
}
title_tag = 2*n_series + 1
# A tick's label is a format: "%" is doubled.
tick(s) = strstrt(s, '%') ? s[1:strstrt(s, '%')].'%'.tick(s[strstrt(s, '%') + 1:*]) : s
set xtics ()
letters = 0
do for [v=1:n_value] { set xtics add (tick(value[v]) place[v]); letters = letters + strlen(tick(value[v])) }
if (n_value > 6 || letters > 24) { set xtics rotate by 45 right }
set xrange [-7:107]
set xlabel axis offset 0,0.3
set offsets 0, 0, graph 0.06, graph 0.06
unset key
# A list of none is looked at, too.
if (!n_level) { level[1] = 0 }
if (!n_crossed) { crossed[1] = 0 }
set multiplot
do for [p=1:n_panel] {
  left = 65 + ((p-1)%across)*pitch
  top = head + 40 + each*((p-1)/across)
  set lmargin at screen px(left)
  set rmargin at screen px(left + pitch - 73)
  set tmargin at screen py(top)
  set bmargin at screen py(top + 252)
  set label title_tag panel[p] at screen px(left),py(top - 14) left
  # small: single networks; lines: means
  plot for [k=1:n_series] data index 0 using ($1 == p && $2 == k ? $5 : NaN):7 with points lt k ps 0.45, \
    for [j=1:(intervals ? n_crossed : 0)] data index 1 using ($1 == p && $2 == crossed[j] ? $5 : NaN):7:8:9 with yerrorbars lt crossed[j] lw 1.4 pt 0 dt 1, \
    for [j=1:n_crossed] data index 1 using ($1 == p && $2 == crossed[j] ? $5 : NaN):7 with linespoints lt crossed[j] lw 2.2, \
    for [j=1:n_level] data index 1 using ($1 == p && $2 == level[j] ? $5 : NaN):7 with lines lt level[j] lw 2 dt 2
  do for [k=1:n_series] { unset arrow k; unset label k; unset label (n_series + k) }
}
unset multiplot
