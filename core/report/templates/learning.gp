load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
per_line = n_arm < 5 ? n_arm : 4
lines = (n_arm + per_line - 1) / per_line
height = 330 + 22*lines
set terminal svg dynamic size 1080,height noenhanced font font
top = 1 - (22.*lines + 34)/height
set xlabel 'epoch' offset 0,0.4
set xrange [*:*] noextend
step = ceil(epochs/6.)
set xtics step
if (epochs < 2) set xrange [0:2]
set multiplot
set lmargin at screen 0.06; set rmargin at screen 0.325
set bmargin at screen 54./height; set tmargin at screen top
set key at screen 0.5,(1 - 10./height) center top horizontal maxrows lines samplen 2
title_at = top + 16./height
set label 1 'training loss' at screen 0.06,title_at left
if (log_loss) set logscale y
plot for [k=0:n_run-1] data index k using 4:5:1 with lines lw 0.8 dt 1 lc variable notitle, \
  for [k=n_run:n_run+n_mean-1] data index k using 4:5:1 with lines lw 2.6 lc variable notitle, \
  for [k=n_run:n_run+n_mean-1] data index k using 4:5:1 with points ps 0.5 pt 7 lc variable notitle, \
  for [a=1:n_arm] keyentry with lines lt a lw 3 title arm[a]
unset key
set lmargin at screen 0.395; set rmargin at screen 0.66
set label 1 'test loss' at screen 0.395,title_at left
plot for [k=0:n_run-1] data index k using 4:6:1 with lines lw 0.8 lc variable notitle, \
  for [k=n_run:n_run+n_mean-1] data index k using 4:6:1 with lines lw 2.6 lc variable notitle, \
  for [k=n_run:n_run+n_mean-1] data index k using 4:6:1 with points ps 0.5 pt 7 lc variable notitle
unset logscale y
set lmargin at screen 0.725; set rmargin at screen 0.99
set label 1 'test accuracy, %' at screen 0.725,title_at left
plot for [k=0:n_run-1] data index k using 4:7:1 with lines lw 0.8 lc variable notitle, \
  for [k=n_run:n_run+n_mean-1] data index k using 4:7:1 with lines lw 2.6 lc variable notitle, \
  for [k=n_run:n_run+n_mean-1] data index k using 4:7:1 with points ps 0.5 pt 7 lc variable notitle
unset multiplot
