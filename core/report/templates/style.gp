# Shared by every figure of this folder. Draw one by hand:  gnuplot NAME.gp > NAME.svg
# Changed files are kept; `locality report DIR` draws them again and puts them into the page.
# Black becomes the colour of the page's text, so that figures fit light and dark pages.
set encoding utf8
set datafile separator comma
set datafile missing 'NaN'
font = 'sans-serif,14'
small = 'sans-serif,12'

# Arms, in this order: colours that stay apart for colour-blind readers, and point shapes.
set linetype 1 lc rgb '#0072b2' lw 1 pt 7 ps 0.55
set linetype 2 lc rgb '#d55e00' lw 1 pt 5 ps 0.5
set linetype 3 lc rgb '#009e73' lw 1 pt 9 ps 0.65
set linetype 4 lc rgb '#cc79a7' lw 1 pt 13 ps 0.65
set linetype 5 lc rgb '#e69f00' lw 1 pt 11 ps 0.65
set linetype 6 lc rgb '#56b4e9' lw 1 pt 15 ps 0.6
set linetype 7 lc rgb '#8c6d31' lw 1 pt 6 ps 0.55
set linetype 8 lc rgb '#888888' lw 1 pt 4 ps 0.5
set linetype cycle 8
line_grey = '#888888'

# Colour maps: viridis, blue-white-orange, and pale to dark.
sequential = "defined (0 '#440154', 1 '#482878', 2 '#3e4a89', 3 '#31688e', 4 '#26828e', 5 '#1f9e89', 6 '#35b779', 7 '#6ece58', 8 '#b5de2b', 9 '#fde725')"
centred = "defined (0 '#053061', 1 '#2166ac', 2 '#4393c3', 3 '#92c5de', 4 '#d1e5f0', 5 '#f7f7f7', 6 '#fee0b6', 7 '#fdb863', 8 '#e08214', 9 '#b35806', 10 '#7f3b08')"
darkening = "defined (0 '#dbe4ee', 1 '#8fa9c4', 2 '#3f6690', 3 '#0b2a4a')"

set border 3 lw 1
set tics nomirror out scale 0.6
# '#AARRGGBB': mostly transparent, so that it is faint on any page
faint = '#a8888888'
set grid ytics lw 0.7 lt 1 lc rgb faint
