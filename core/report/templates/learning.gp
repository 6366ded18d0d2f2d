load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# Legend: four arms a line, over the panels.
legend_lines = (n_arm + 3)/4
head = 22.*legend_lines + 40
height = int(head + 312)
set terminal svg dynamic size 1080,height noenhanced font font
do for [a=1:n_arm] {
  legend_x = 0.06 + ((a-1)%4)*0.235
  legend_y = 1 - (14. + 22*((a-1)/4))/height
  set arrow a from screen legend_x,legend_y to screen (legend_x+0.025),legend_y nohead lt a lw 2.6
  set label a arm[a] at screen (legend_x+0.033),legend_y left
  set label (n_arm + a) '' at screen (legend_x+0.0125),legend_y point lt a
}
title_tag = 2*n_arm + 1
title_y = 1 - (head - 14)/height

set xlabel 'epoch' offset 0,0.5
set xtics ceil(epochs/6.)
set xrange [*:*] noextend
if (epochs < 2) { set xrange [0:2] }
set bmargin at screen 64./height
set tmargin at screen 1 - head/height
unset key
array panel[3] = ['training loss', 'test loss', 'test accuracy, %']
set multiplot
do for [p=1:3] {
  left = 0.06 + (p-1)*0.3325
  set lmargin at screen left
  set rmargin at screen left + 0.265
  set label title_tag panel[p] at screen left,title_y left
  if (log_loss && p < 3) { set logscale y } else { unset logscale y }
  # thin: single networks; thick: means, a block for each arm of `mean`
  plot for [k=0:n_run-1] data index k using 4:(column(4+p)):1 with lines lw 0.8 dt 1 lc variable, \
    for [k=1:n_mean] data index n_run+k-1 using 4:(column(4+p)) with lines lt mean[k] lw 2.6, \
    for [k=1:n_mean] data index n_run+k-1 using 4:(column(4+p)) with points lt mean[k]
  do for [a=1:n_arm] { unset arrow a; unset label a; unset label (n_arm + a) }
}
unset multiplot
