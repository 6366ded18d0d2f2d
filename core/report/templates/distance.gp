load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# A panel an arm.
across = n_shown < columns(4) ? n_shown : columns(4)
bands = (n_shown + across - 1)/across
left = 92.
pitch = (page - left - 8.)/(across < 2 ? 2 : across)
side = 190.
band = side + 50.
width = int(left + across*pitch + 8)
height = int(bands*band + 44)
@picture
set xlabel 'distance, unit spacings' offset 0,0.4
set grid xtics ytics
unset key
stats data index 0 using 5 nooutput name 'R'
stats data index 1 using 6 nooutput name 'L'
stats data index 1 using 7 nooutput name 'H'
lowest = R_min < L_min ? R_min : L_min
highest = R_max > H_max ? R_max : H_max
room = highest > lowest ? 0.06*(highest - lowest) : 0.1
set yrange [lowest - room:highest + room]
set xrange [0:*]
px(x) = x/width
py(y) = 1 - y/height
set multiplot
do for [p=1:n_shown] {
  column_of = (p-1)%across
  top = 26 + ((p-1)/across)*band
  set lmargin at screen px(left + column_of*pitch)
  set rmargin at screen px(left + (column_of + 1)*pitch - 22)
  set tmargin at screen py(top)
  set bmargin at screen py(top + side)
  if ((p-1)/across == bands - 1 || p + across > n_shown) { set xlabel 'distance, unit spacings' offset 0,0.4; set format x '%g' } else { unset xlabel; set format x '' }
  if (column_of) { set format y ''; unset ylabel } else { set format y '%g'; set ylabel 'correlation' offset 0.5,0 }
  set label 1 arm[shown[p]] at graph 0, screen py(top - 12) left
  plot data index 1 every :::(p-1)::(p-1) using 4:6:7 with filledcurves lc rgb line_grey fs transparent solid 0.25 noborder, \
    0 with lines lw 0.8 lc rgb line_grey, \
    data index 0 using ($1 == shown[p] ? $4 : NaN):5 with lines lt shown[p] lw 0.7 dt 1, \
    data index 1 every :::(p-1)::(p-1) using 4:5 with linespoints lt shown[p] lw 2.4 dt 1
}
unset multiplot
