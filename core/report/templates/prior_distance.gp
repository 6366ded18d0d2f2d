load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
set terminal svg dynamic size 720,340 noenhanced font font
set xlabel 'distance, unit spacings' offset 0,0.3
set ylabel 'prior P' offset 1,0
set xrange [0:*]
set yrange [*<0:*]
set key outside right center vertical samplen 2
# The colour is the arm's in every figure: column 1.
plot for [k=0:n_prior-1] data index k using 3:4:1 with points pt 7 ps 0.45 lc variable notitle, \
  for [k=0:n_prior-1] data index k using 3:(NaN):1 with points pt 7 ps 0.8 lc variable title name[k+1]
