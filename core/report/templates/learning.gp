load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# Legend: four arms a line, over the panels.
per_line = columns(4)
legend_lines = (n_arm + per_line - 1)/per_line
across = columns(3)
pitch = (page - 2.)/across
head = 22.*legend_lines
each = 352.
width = int(page)
height = int(head + each*((3 + across - 1)/across))
@picture
px(x) = x/width
py(y) = 1 - y/height
do for [a=1:n_arm] {
  legend_x = 65 + ((a-1)%per_line)*(page - 65.)/per_line
  legend_y = py(14. + 22*((a-1)/per_line))
  set arrow a from screen px(legend_x),legend_y to screen px(legend_x + 27),legend_y nohead lt a lw 2.6
  set label a arm[a] at screen px(legend_x + 36),legend_y left
  set label (n_arm + a) '' at screen px(legend_x + 13.5),legend_y point lt a
}
title_tag = 2*n_arm + 1

set xlabel 'epoch' offset 0,0.5
set xtics ceil(epochs/6.)
set xrange [*:*] noextend
if (epochs < 2) { set xrange [0:2] }
unset key
array panel[3] = ['training loss', 'test loss', 'test accuracy, %']
set multiplot
do for [p=1:3] {
  left = 65 + ((p-1)%across)*pitch
  top = head + 40 + each*((p-1)/across)
  set lmargin at screen px(left)
  set rmargin at screen px(left + pitch - 73)
  set tmargin at screen py(top)
  set bmargin at screen py(top + 248)
  set label title_tag panel[p] at screen px(left),py(top - 14) left
  if (log_loss && p < 3) { set logscale y } else { unset logscale y }
  # thin: single networks; thick: means, a block for each arm of `mean`
  plot for [k=0:n_run-1] data index k using 4:(column(4+p)):1 with lines lw 0.8 dt 1 lc variable, \
    for [k=1:n_mean] data index n_run+k-1 using 4:(column(4+p)) with lines lt mean[k] lw 2.6, \
    for [k=1:n_mean] data index n_run+k-1 using 4:(column(4+p)) with points lt mean[k]
  do for [a=1:n_arm] { unset arrow a; unset label a; unset label (n_arm + a) }
}
unset multiplot
