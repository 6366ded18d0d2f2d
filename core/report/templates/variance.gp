load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
slanted = n_arm > 4
width = 200 + 75*n_arm*n_site
width = width < 640 ? 640 : (width > 1080 ? 1080 : width)
set terminal svg dynamic size width,(slanted ? 430 : 390) noenhanced font font
set lmargin 9; set rmargin 2; set tmargin 3.2
set bmargin (slanted ? 6.5 : 4.2)
set xrange [-0.6 : (n_site-1)*site_pitch + n_arm - 0.4]
set offsets 0, 0, graph 0.06, graph 0.06
set xtics ()
if (slanted) { set xtics rotate by -30 }
do for [s=0:n_site-1] {
  do for [a=0:n_arm-1] { set xtics add (arm[a+1] (s*site_pitch + a)) }
  set label (s+1) site[s+1] at first (s*site_pitch + (n_arm-1)/2.), screen 0.045 center
}
if (n_site > 1) { set arrow 1 from first (n_arm - 0.2), graph 0 to first (n_arm - 0.2), graph 1 nohead lw 0.8 lc rgb faint }
set ylabel 'spatial variance' offset 0,0
# Legend, in pixels from the left: a sample and its text.
y0 = 0.955
x0 = 66.
px(x) = x/width
tag = 10
if (uniform == uniform) {
  set arrow tag from screen px(x0),y0 to screen px(x0+26),y0 nohead lw 1.4 dt 2 lc rgb line_grey
  set label tag 'uniform activation' at screen px(x0+33),y0 left font small
  x0 = x0 + 165; tag = tag + 1
}
if (n_untrained) {
  set arrow tag from screen px(x0),y0 to screen px(x0+26),y0 nohead lw 2.4 dt 3 lc rgb line_grey
  set label tag 'untrained' at screen px(x0+33),y0 left font small
  x0 = x0 + 165; tag = tag + 1
}
set label tag '' at screen px(x0+10),y0 point pt 7 ps 0.7 lc rgb line_grey
set label (tag+1) 'one network' at screen px(x0+22),y0 left font small
x0 = x0 + 125; tag = tag + 2
if (n_published) {
  set label tag '' at screen px(x0+10),y0 point pt 12 ps 1.1 lw 1.6 lc rgb 'black'
  set label (tag+1) 'published' at screen px(x0+24),y0 left font small
}
unset key
plot uniform with lines lw 1.4 dt 2 lc rgb line_grey, \
  data index 2 using ($5-$7):6:(2*$7):(0) with vectors nohead lw 2.4 dt 3 lc rgb line_grey, \
  data index 1 using 5:($6-$7):(0):(2*$7):2 with vectors nohead lw 2.2 lc variable, \
  data index 1 using ($5-0.2):6:(0.4):(0):2 with vectors nohead lw 3.4 lc variable, \
  data index 0 using 5:6:2 with points pt 7 ps 0.7 lc variable, \
  data index 3 using 5:6 with points pt 12 ps 1.1 lw 1.6 lc rgb 'black'
