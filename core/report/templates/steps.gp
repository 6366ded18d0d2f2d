load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# Legend: four arms a line, over the panels.
legend_lines = (n_arm + 3)/4
head = 22.*legend_lines + 40
height = int(head + 330)
set terminal svg dynamic size 1080,height noenhanced font font
do for [a=1:n_arm] {
  legend_x = 0.06 + ((a-1)%4)*0.235
  legend_y = 1 - (14. + 22*((a-1)/4))/height
  set arrow a from screen legend_x,legend_y to screen (legend_x+0.025),legend_y nohead lt a lw 2.6
  set label a arm[a] at screen (legend_x+0.033),legend_y left
}
title_tag = n_arm + 1
title_y = 1 - (head - 14)/height

set xlabel 'step' offset 0,0.5
set xtics ceil(steps/14.)
set xrange [1:steps] noextend
set bmargin at screen 64./height
set tmargin at screen 1 - head/height
unset key
# A list of none is looked at, too.
if (!n_mean) { mean[1] = 0 }
if (!n_untrained) { untrained[1] = 0 }
array panel[2] = ['spatial variance V, spacings²', 'Moran’s I']
set multiplot
do for [p=1:2] {
  left = 0.06 + (p-1)*0.49
  set lmargin at screen left
  set rmargin at screen left + 0.42
  set label title_tag panel[p] at screen left,title_y left
  y = 2 + 3*p # the column of the measure; its interval is in the two behind it
  plot for [k=1:n_mean] data index n_run+k-1 using 4:(column(y+1)):(column(y+2)) with filledcurves lt mean[k] fs transparent solid 0.18 noborder, \
    chance[p] with lines lc rgb line_grey lw 1.2 dt 2, \
    for [k=0:n_run-1] data index k using 4:(column(y)):1 with lines lw 0.7 dt 1 lc variable, \
    for [k=1:n_untrained] data index n_run+n_mean+k-1 using 4:(column(y)) with lines lt untrained[k] lw 1.6 dt 3, \
    for [k=1:n_mean] data index n_run+k-1 using 4:(column(y)) with lines lt mean[k] lw 2.6
  do for [a=1:n_arm] { unset arrow a; unset label a }
}
unset multiplot
