load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
width = int(page < 820 ? page : 820)
height = n_shown > 12 ? 60 + 22*n_shown : 340
@picture
set xlabel 'distance, unit spacings' offset 0,0.3
set ylabel 'prior P' offset 1,0
set xrange [0:*]
set yrange [*<0:*]
set key outside right center vertical samplen 2
# Column 1 is the arm's number: one mark in every figure. Later marks are smaller, so that equal
# values show.
small_points = many ? 0.6 : 1.2
nested(k) = n_shown > 1 ? 1.6 - 0.9*(k - 1)/(n_shown - 1) : 1
plot for [k=1:n_shown] data index k-1 using 3:4 with points lt shown[k] ps (small_points*nested(k)*arm_size[(shown[k]-1)%12 + 1]) notitle, \
  for [k=1:n_shown] keyentry with points lt shown[k] title arm[shown[k]]
