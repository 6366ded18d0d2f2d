load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# Legend: four arms a line, over the panels, two of which stand in a row.
per_line = columns(4)
legend_lines = (n_arm + per_line - 1)/per_line
across = n_panel < columns(2) ? n_panel : columns(2)
down = (n_panel + across - 1)/across
head = 22.*legend_lines + 14
each = 330.
height = int(head + each*down)
width = int(page)
@picture
do for [a=1:n_arm] {
  legend_x = (65 + ((a-1)%per_line)*(page - 65.)/per_line)/width
  legend_y = 1 - (14. + 22*((a-1)/per_line))/height
  set arrow a from screen legend_x,legend_y to screen (legend_x + 27./width),legend_y nohead lt a lw 2.6
  set label a arm[a] at screen (legend_x + 36./width),legend_y left
  set label (n_arm + a) '' at screen (legend_x + 13.5/width),legend_y point lt a
}
title_tag = 2*n_arm + 1
set logscale x
set xrange [1.15:least/1.15]
set xtics (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
set xlabel 'fraction of wires kept' offset 0,0.4
set ylabel 'test accuracy, %' offset 1.5,0
set offsets 0, 0, graph 0.04, graph 0.04
set yrange [*:*<100]
unset key
set multiplot
do for [p=1:n_panel] {
  left = 81./width + ((p-1)%across)*0.5
  top = 1 - (head + each*((p-1)/across) + 36)/height
  set lmargin at screen left
  set rmargin at screen (across < 2 ? 0.96 : left + 0.41)
  set tmargin at screen top
  set bmargin at screen (top - (each - 96)/height)
  set label title_tag panel[p] at screen left,(top + 16./height) left
  # small: single networks; lines: means, dashed after fine-tuning
  plot for [a=1:n_arm] data index 0 using ($1 == p && $2 == a && $3 == 0 ? $6 : NaN):8 with points lt a ps 0.45, \
    for [a=1:n_arm] data index 1 using ($1 == p && $2 == a && $3 == 0 ? $6 : NaN):8:9:10 with yerrorbars lt a lw 1.4 pt 0 dt 1, \
    for [a=1:n_arm] data index 1 using ($1 == p && $2 == a && $3 == 0 ? $6 : NaN):8 with linespoints lt a lw 2.2, \
    for [a=1:(tuned ? n_arm : 0)] data index 0 using ($1 == p && $2 == a && $3 == 1 ? $6 : NaN):8 with points lt a ps 0.35, \
    for [a=1:(tuned ? n_arm : 0)] data index 1 using ($1 == p && $2 == a && $3 == 1 ? $6 : NaN):8 with lines lt a lw 1.8 dt 2
  do for [a=1:n_arm] { unset arrow a; unset label a; unset label (n_arm + a) }
}
unset multiplot
