load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
set terminal svg dynamic size 720,340 noenhanced font font
set xlabel 'distance, unit spacings' offset 0,0.3
set ylabel 'prior P' offset 1,0
set xrange [0:*]
set yrange [*<0:*]
set key outside right center vertical samplen 2
array shape[8] = [7, 6, 4, 8, 10, 12, 5, 14]
array size[8] = [0.4, 0.75, 1, 0.9, 0.9, 1, 0.5, 1]
# Column 1 is the arm's number: one colour in every figure. Shapes let equal values show.
small_points = many ? 0.55 : 1
kind(k) = (shown[k]-1)%8 + 1
plot for [k=1:n_shown] data index k-1 using 3:4 with points lt shown[k] pt shape[kind(k)] ps (small_points*size[kind(k)]) notitle, \
  for [k=1:n_shown] keyentry with points lt shown[k] pt shape[kind(k)] ps size[kind(k)] title arm[shown[k]]
