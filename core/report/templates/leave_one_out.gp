load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
per_site = 250
long = 0
do for [c=1:n_class] { if (strlen(class[c]) > 3) { long = 1 } }
height = per_site*n_site + (long ? 110 : 60)
set terminal svg dynamic size 960,height noenhanced font font
set multiplot
set lmargin at screen 0.08; set rmargin at screen 0.985
set xrange [-0.6 : n_class + 0.6]
if (long) { set rmargin at screen 0.92; set xtics rotate by -35 font small }
set ylabel 't' offset 1,0
set offsets 0, 0, graph 0.05, graph 0.05
set arrow 1 from first 0.5, graph 0 to first 0.5, graph 1 nohead lw 0.8 lc rgb line_grey
do for [s=1:n_site] {
  # long names stand under the last panel only
  set xtics ()
  do for [c=0:n_class] { set xtics add ((long && s < n_site ? '' : (c ? class[c] : 'none')) c) }
  set bmargin at screen (1 - (s*per_site - 4.)/height)
  set tmargin at screen (1 - ((s-1)*per_site + 62.)/height)
  set label 1 site[s] at screen 0.08,(1 - ((s-1)*per_site + 48.)/height) left
  if (s == n_site) { set xlabel 'class left out' offset 0,(long ? 0 : 0.3) }
  if (s == 1) { set key at screen 0.5,(1 - 8./height) center top horizontal samplen 1 } else { unset key }
  plot 1.96 with lines lw 1.2 dt 2 lc rgb line_grey notitle, \
    -1.96 with lines lw 1.2 dt 2 lc rgb line_grey notitle, \
    0 with lines lw 0.8 lc rgb line_grey notitle, \
    data using 7:($1 == s ? $8 : NaN):3 with points pt 7 ps 0.55 lc variable notitle, \
    for [k=1:n_shown] keyentry with points lt shown[k] pt 7 ps 0.8 title arm[shown[k]]
}
unset multiplot
