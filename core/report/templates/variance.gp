load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
set terminal svg dynamic size 900,420 noenhanced font font
set lmargin 10; set rmargin 3; set tmargin 4.5
set bmargin (n_arm > 4 ? 7 : 4)
set xrange [-0.6 : (n_site-1)*site_pitch + n_arm - 0.4]
set offsets 0, 0, graph 0.06, graph 0.06
set xtics ()
if (n_arm > 4) set xtics rotate by -30
do for [s=0:n_site-1] {
  do for [a=0:n_arm-1] { set xtics add (arm[a+1] (s*site_pitch + a)) }
  set label (s+1) site[s+1] at first (s*site_pitch + (n_arm-1)/2.), graph 1.05 center
}
set ylabel 'spatial variance' offset -1,0
set key at graph 0.5,1.2 center top horizontal samplen 2.2 font small
uniform_line = uniform == uniform
plot (uniform_line ? uniform : NaN) with lines lw 1.2 dt 2 lc rgb line_grey title (uniform_line ? 'uniform activation' : ''), \
  data index 2 using ($5-$7):6:(2*$7):(0) with vectors nohead lw 2.4 dt 3 lc rgb line_grey title (n_border ? 'border effect alone' : ''), \
  data index 1 using 5:6:7:2 with yerrorbars lw 2.6 pt 0 lc variable notitle, \
  data index 1 using ($5-0.16):6:(0.32):(0):2 with vectors nohead lw 3.4 lc variable notitle, \
  data index 0 using 5:6:2 with points pt 7 ps 0.7 lc variable title 'one network', \
  data index 3 using 5:6 with points pt 12 ps 1.3 lw 1.6 lc rgb 'black' title (n_published ? 'published' : '')
