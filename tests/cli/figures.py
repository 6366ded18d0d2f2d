#!/usr/bin/env python3
"""figures.py LOCALITY: figures as files for a journal, as wide as its columns, each with its text; what gnuplot cannot draw is one line."""
import os, re, shutil, struct, subprocess, sys, tempfile

L = os.path.abspath(sys.argv[1])
if not shutil.which('gnuplot'):
    print('0 passed, 0 failed, 1 skipped')
    sys.exit(77)
os.chdir(tempfile.mkdtemp(prefix='locality-figures-'))
os.environ['LOCALITY_CACHE'] = os.path.abspath('cache')


def run(*words, **more):
    return subprocess.run([L, *words], capture_output=True, timeout=240, text=True, **more)


def good(*words):
    p = run(*words)
    assert p.returncode == 0, (words, p.stderr)
    return p.stdout


def refused(part, *words, **more):
    p = run('report', 'run', *words, **more)
    assert p.returncode and p.stderr.count('\n') == 1 and part in p.stderr and not p.stdout, (part, words, p.stderr)


open('y.csv', 'w').write('\n'.join(str(i % 4) for i in range(16)))
for arm in ('a', 'another arm'.replace(' ', '_')):
    for seed in (1, 2, 3):
        open('acts.csv', 'w').write('\n'.join(','.join(str((7 * i * seed + 3 * k * k + 5 * (arm == 'a') * (k // 8)) % 29) for k in range(48)) for i in range(16)))
        good('import', 'run', '--arm', arm, '--seed', str(seed), '--site', 's=acts.csv:6x8', '--labels', 'y.csv')
good('analyze', 'run')

# Without cairo's terminals one line says so, before anything is written.
real = shutil.which('gnuplot')
os.mkdir('bin')
open('bin/gnuplot', 'w').write(f'#!/bin/sh\ncase "$*" in *cairo*) echo "unknown or ambiguous terminal type" >&2; exit 1;; esac\nexec {real} "$@"\n')
os.chmod('bin/gnuplot', 0o755)
poor = dict(os.environ, PATH=os.path.abspath('bin') + ':' + os.environ['PATH'])
refused('this gnuplot has no terminal pdfcairo, which pdf needs', '--figures', 'svg,pdf', env=poor)
assert not os.listdir('run/figures') and not os.path.exists('run/report.html')
os.mkdir('none')
refused('gnuplot was not found in PATH', '--figures', 'svg', env=dict(os.environ, PATH=os.path.abspath('none')))
refused("figures: 'pfd' is no format; there are svg, pdf, png", '--figures', 'pfd')
refused("width: '10mm' is not single, double or 60mm to 400mm", '--figures', 'svg', '--width', '10mm')
refused("width: '89' is not", '--figures', 'svg', '--width', '89')
refused('width goes with figures', '--width', 'single')
assert not os.listdir('run/figures')

cairo = all(subprocess.run(['gnuplot', '-e', 'set terminal ' + t], capture_output=True).returncode == 0 for t in ('pdfcairo', 'pngcairo'))
kinds = 'svg,pdf,png' if cairo else 'svg'
for width, mm in (('single', 89), ('120mm', 120), (None, 183)):
    good('report', 'run', '--figures', kinds, *(['--width', width] if width else []))
    folder, page = f'run/figures/{mm}mm', open('run/report.html').read()
    assert 'Not drawn' not in page
    names = re.findall(r'<figure id="([^"]+)">', page)
    assert {'differences', 'distance_s', 'selectivity_s', 'preference_s', 'nested_s', 'maps_s'} <= set(names), names
    for name in names:
        assert os.path.exists(f'run/figures/{name}.csv')
        svg, text = open(f'{folder}/{name}.svg').read(), open(f'{folder}/{name}.txt').read()
        size = [float(v) for v in re.search(r'width="([0-9.]+)mm" height="([0-9.]+)mm" viewBox="0 0 (\d+) (\d+)"', svg).groups()]
        assert size[0] <= mm + .1 and abs(size[0] / size[1] - size[2] / size[3]) < .01 and abs(size[0] / size[2] - 183 / 1080) < .001, (name, size)
        assert '<desc id="figure-desc">' in svg and len(text) > 60 and '<' not in text, name
        if not cairo: continue
        pdf, png = open(f'{folder}/{name}.pdf', 'rb').read(), open(f'{folder}/{name}.png', 'rb').read()
        box = [float(v) for v in re.search(rb'/MediaBox \[ ?0 0 ([0-9.]+) ([0-9.]+)', pdf).groups()]
        assert pdf.startswith(b'%PDF') and abs(box[0] * 25.4 / 72 - size[0]) < .6 and abs(box[1] * 25.4 / 72 - size[1]) < .6, (name, box, size)
        pixels = struct.unpack('>II', png[16:24])
        assert png.startswith(b'\x89PNG') and abs(pixels[0] * 25.4 / 600 - size[0]) < .6, (name, pixels, size)
        assert f'href="figures/{mm}mm/{name}.pdf"' in page
good('report', 'run')
assert 'mm/' not in open('run/report.html').read()
shutil.rmtree(os.getcwd())
print('1 passed, 0 failed')
