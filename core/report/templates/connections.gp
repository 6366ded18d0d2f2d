load 'style.gp'
load '@NAME@.var'
data = '@NAME@.csv'
width = int(page < 900 ? page : 900)
height = 250
@picture
unset border; unset tics; unset key; unset grid
set palette @darkening
set cbrange [cost_low:cost_high]
if (log_cost) set logscale cb
set cblabel 'wiring cost 1/P' offset -0.5,0
set colorbox user origin 0.9,0.16 size 0.014,0.68
set cbtics scale 0.4 font small
set lmargin at screen 0.08; set rmargin at screen 0.87
set bmargin at screen 0.06; set tmargin at screen 0.94
pitch = units + 1.2
set xrange [-0.4:pitch + units - 0.6]
set yrange [-0.15:1.15]
set label 1 'input' at screen 0.065, first 1 right
set label 2 'output' at screen 0.065, first 0 right
plot data using ($2 + pitch*$1):(1):($3-$2):(-1):6 with vectors nohead lw 2.2 lc palette, \
  for [p=0:1] for [y=0:1] '+' using (pitch*p + int($0)):(int($0) < units ? y : NaN) with points pt 7 ps 1.3 lc rgb 'white', \
  for [p=0:1] for [y=0:1] '+' using (pitch*p + int($0)):(int($0) < units ? y : NaN) with points pt 6 ps 1.3 lw 1.6 lc rgb 'black'
