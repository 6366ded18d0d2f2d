load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# Legend: four arms a line, over the panels.
per_line = columns(4)
legend_lines = (n_arm + per_line - 1)/per_line
across = columns(2)
pitch = (page - 22.)/across
head = 22.*legend_lines
each = 370.
width = int(page)
height = int(head + each*(2/across))
@picture
px(x) = x/width
py(y) = 1 - y/height
do for [a=1:n_arm] {
  legend_x = 65 + ((a-1)%per_line)*(page - 65.)/per_line
  legend_y = py(14. + 22*((a-1)/per_line))
  set arrow a from screen px(legend_x),legend_y to screen px(legend_x + 27),legend_y nohead lt a lw 2.6
  set label a arm[a] at screen px(legend_x + 36),legend_y left
}
title_tag = n_arm + 1

set xlabel 'step' offset 0,0.5
set xtics ceil(steps/14.)
set xrange [1:steps] noextend
unset key
# A list of none is looked at, too.
if (!n_mean) { mean[1] = 0 }
if (!n_untrained) { untrained[1] = 0 }
array panel[2] = ['spatial variance V, spacings²', 'Moran’s I']
set multiplot
do for [p=1:2] {
  left = 65 + ((p-1)%across)*pitch
  top = head + 40 + each*((p-1)/across)
  set lmargin at screen px(left)
  set rmargin at screen px(left + pitch - 76)
  set tmargin at screen py(top)
  set bmargin at screen py(top + 266)
  set label title_tag panel[p] at screen px(left),py(top - 14) left
  y = 2 + 3*p # the column of the measure; its interval is in the two behind it
  plot for [k=1:n_mean] data index n_run+k-1 using 4:(column(y+1)):(column(y+2)) with filledcurves lt mean[k] fs transparent solid 0.18 noborder, \
    chance[p] with lines lc rgb line_grey lw 1.2 dt 2, \
    for [k=0:n_run-1] data index k using 4:(column(y)):1 with lines lw 0.7 dt 1 lc variable, \
    for [k=1:n_untrained] data index n_run+n_mean+k-1 using 4:(column(y)) with lines lt untrained[k] lw 1.6 dt 3, \
    for [k=1:n_mean] data index n_run+k-1 using 4:(column(y)) with lines lt mean[k] lw 2.6
  do for [a=1:n_arm] { unset arrow a; unset label a }
}
unset multiplot
