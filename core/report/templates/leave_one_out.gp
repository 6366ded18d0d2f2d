load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
# A tick's label is a format: "%" is doubled.
tick(s) = strstrt(s, '%') ? s[1:strstrt(s, '%')].'%'.tick(s[strstrt(s, '%') + 1:*]) : s
per_site = 250
long = 0
do for [c=1:n_class] { if (strlen(class[c]) > 3) { long = 1 } }
# the legend has three arms a line
key_lines = (n_shown + columns(3) - 1)/columns(3)
key_room = 22.*(key_lines - 1)
height = int(per_site*n_site + key_room + (long ? 110 : 60))
width = int(page < 960 ? page : 960)
@picture
set multiplot
set lmargin at screen 77./width; set rmargin at screen 0.985
set xrange [-0.6 : n_class + 0.6]
if (long) { set rmargin at screen 0.92; set xtics rotate by -35 font small }
set ylabel 't' offset 1,0
set offsets 0, 0, graph 0.05, graph 0.05
set arrow 1 from first 0.5, graph 0 to first 0.5, graph 1 nohead lw 0.8 lc rgb line_grey
do for [s=1:n_site] {
  # long names stand under the last panel only
  set xtics ()
  do for [c=0:n_class] { set xtics add ((long && s < n_site ? '' : (c ? tick(class[c]) : 'none')) c) }
  set bmargin at screen (1 - (key_room + s*per_site - 4.)/height)
  set tmargin at screen (1 - (key_room + (s-1)*per_site + 62.)/height)
  set label 1 site[s] at screen 77./width,(1 - (key_room + (s-1)*per_site + 48.)/height) left
  if (s == n_site) { set xlabel 'class left out' offset 0,(long ? 0 : 0.3) }
  if (s == 1) { set key at screen 0.5,(1 - 8./height) center top horizontal maxcols columns(3) samplen 1 } else { unset key }
  plot critical with lines lw 1.2 dt 2 lc rgb line_grey notitle, \
    -critical with lines lw 1.2 dt 2 lc rgb line_grey notitle, \
    0 with lines lw 0.8 lc rgb line_grey notitle, \
    for [k=1:n_shown] data using 7:($1 == s && $3 == shown[k] ? $8 : NaN) with points lt shown[k] notitle, \
    for [k=1:n_shown] keyentry with points lt shown[k] title arm[shown[k]]
}
unset multiplot
