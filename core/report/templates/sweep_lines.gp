load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# Legend: three lines a row, over the panels.
legend_rows = (n_series + 2)/3
head = 22.*legend_rows + 40
height = int(head + 330)
set terminal svg dynamic size 1080,height noenhanced font font
do for [k=1:n_series] {
  legend_x = 0.06 + ((k-1)%3)*0.315
  legend_y = 1 - (14. + 22*((k-1)/3))/height
  set arrow k from screen legend_x,legend_y to screen (legend_x+0.025),legend_y nohead lt k lw 2.6
  set label k series[k] at screen (legend_x+0.033),legend_y left
  set label (n_series + k) '' at screen (legend_x+0.0125),legend_y point lt k
}
title_tag = 2*n_series + 1
title_y = 1 - (head - 14)/height
# A tick's label is a format: "%" is doubled.
tick(s) = strstrt(s, '%') ? s[1:strstrt(s, '%')].'%'.tick(s[strstrt(s, '%') + 1:*]) : s
set xtics ()
letters = 0
do for [v=1:n_value] { set xtics add (tick(value[v]) place[v]); letters = letters + strlen(tick(value[v])) }
if (n_value > 6 || letters > 24) { set xtics rotate by 45 right }
set xrange [-7:107]
set xlabel axis offset 0,0.3
set offsets 0, 0, graph 0.06, graph 0.06
set bmargin at screen 78./height
set tmargin at screen 1 - head/height
unset key
# A list of none is looked at, too.
if (!n_level) { level[1] = 0 }
if (!n_crossed) { crossed[1] = 0 }
set multiplot
do for [p=1:n_panel] {
  left = 0.06 + (p-1)*0.3325
  set lmargin at screen left
  set rmargin at screen left + 0.265
  set label title_tag panel[p] at screen left,title_y left
  # small: single networks; lines: means
  plot for [k=1:n_series] data index 0 using ($1 == p && $2 == k ? $5 : NaN):7 with points lt k ps 0.45, \
    for [j=1:(intervals ? n_crossed : 0)] data index 1 using ($1 == p && $2 == crossed[j] ? $5 : NaN):7:8:9 with yerrorbars lt crossed[j] lw 1.4 pt 0 dt 1, \
    for [j=1:n_crossed] data index 1 using ($1 == p && $2 == crossed[j] ? $5 : NaN):7 with linespoints lt crossed[j] lw 2.2, \
    for [j=1:n_level] data index 1 using ($1 == p && $2 == level[j] ? $5 : NaN):7 with lines lt level[j] lw 2 dt 2
  do for [k=1:n_series] { unset arrow k; unset label k; unset label (n_series + k) }
}
unset multiplot
