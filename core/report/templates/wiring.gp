load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# A column an arm: lengths, and degrees below.
across = n_shown < columns(4) ? n_shown : columns(4)
bands = (n_shown + across - 1)/across
kinds = n_degrees ? 2 : 1
left = 92.
pitch = (page - left - 8.)/(across < 2 ? 2 : across)
side = 170.
step_y = side + 62.
band = kinds*step_y + 12.
width = int(left + across*pitch + 8)
height = int(bands*band + 24)
@picture
set grid xtics ytics
unset key
set xrange [0:*]
array under[2] = ['length, unit spacings', 'degree']
array beside[2] = ['share of |P W|', 'share of units']
array top_of[2]
do for [q=1:kinds] {
  stats data index 2*q-2 using 5 nooutput name 'R'
  stats data index 2*q-1 using 6 nooutput name 'C'
  top_of[q] = 1.06*(R_max > C_max ? R_max : C_max)
}
px(x) = x/width
py(y) = 1 - y/height
set multiplot
do for [p=1:n_shown] {
  do for [q=1:kinds] {
    column_of = (p-1)%across
    top = 26 + ((p-1)/across)*band + (q-1)*step_y
    set lmargin at screen px(left + column_of*pitch)
    set rmargin at screen px(left + (column_of + 1)*pitch - 22)
    set tmargin at screen py(top)
    set bmargin at screen py(top + side)
    set xlabel under[q] offset 0,0.4
    set yrange [0:top_of[q]]
    if (column_of) { set format y ''; unset ylabel } else { set format y '%g'; set ylabel beside[q] offset 0.5,0 }
    set label 1 (q == 1 ? arm[shown[p]] : '') at graph 0, screen py(top - 12) left
    plot 0 with lines lw 0.8 lc rgb line_grey, \
      data index 2*q-2 using ($1 == shown[p] ? $4 : NaN):5 with lines lt shown[p] lw 0.7 dt 1, \
      data index 2*q-1 using ($1 == shown[p] ? $4 : NaN):5 with linespoints lt shown[p] lw 2.4 dt 1, \
      data index 2*q-1 using ($1 == shown[p] ? $4 : NaN):6 with lines lw 1.6 dt 2 lc rgb 'black'
  }
}
unset multiplot
