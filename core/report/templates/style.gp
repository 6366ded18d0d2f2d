# Shared by every figure of this folder. Draw one by hand:  gnuplot NAME.gp > NAME.svg
# Changed files are kept; `locality report DIR` draws them again and puts them into the page.
# Black becomes the colour of the page's text, so that figures fit light and dark pages.
set encoding utf8
set datafile separator comma
set datafile missing 'NaN'
# `page`: the width of a page, in pixels of the screen; columns(most): panels side by side on it.
# `locality report --figures` sets page, format and mm, the width of the page on paper: a figure keeps the
# size of its letters and has fewer panels side by side.
if (!exists('page')) { page = 1080. }
columns(most) = page > 700 ? most : (most > 2 ? (most + 1)/2 : 1)
picture = "set terminal svg dynamic size width,height noenhanced font font"
if (exists('format')) {
  inches = mm/page/25.4 # a pixel
  points = 72*inches
  dots = 600*inches
  if (format eq 'pdf') { picture = "set terminal pdfcairo size width*inches,height*inches noenhanced font font fontscale 0.75*points linewidth 2*points pointscale points" }
  if (format eq 'png') { picture = "set terminal pngcairo size int(width*dots),int(height*dots) noenhanced font font fontscale 0.75*dots linewidth dots pointscale dots" }
}
font = 'sans-serif,14'
small = 'sans-serif,12'

# Arms, in this order: colours that stay apart for colour-blind readers. There are eight of them and
# twelve shapes, so that two arms share a mark only from the 25th on; lines of one colour differ in
# their dashes.
array arm_colour[8] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8c6d31', '#888888']
array arm_shape[12] = [7, 5, 9, 13, 11, 15, 6, 4, 12, 8, 10, 14]
array arm_size[12] = [0.65, 0.6, 0.75, 0.75, 0.75, 0.7, 0.7, 0.65, 0.8, 0.75, 0.75, 0.75]
array arm_dash[5] = [1, 2, 4, 3, 5]
do for [i=1:48] {
  set linetype i lc rgb arm_colour[(i-1)%8 + 1] lw 1 pt arm_shape[(i-1)%12 + 1] ps arm_size[(i-1)%12 + 1] dt arm_dash[((i-1)/8)%5 + 1]
}
set linetype cycle 48
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
