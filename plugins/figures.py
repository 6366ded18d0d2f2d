#!/usr/bin/env python3
"""figures.py LOCALITY FOLDER [--maps]: draws the figures of plugins/README.md with the program.

Of a topology, what its middle unit receives under the linear cost, where the units stand; of a cost
or prior, the same on a sheet of 9 x 9; of a penalty, its value over the epochs of a small recurrent
network with it and without (weight=0). --maps: not those of penalties, which depend on the processor's
rounding.
"""
import csv, json, os, subprocess, sys, tempfile

TOPOLOGY = {'line': '9', 'ring': '9', 'grid': '9x9', 'torus': '9x9', 'grid3d': '5x5x4', 'hex': '81', 'sphere': '100', 'points': '60'}
UNIT = {'line': '4', 'ring': '0', 'torus': '0,0'}  # where the wrapping shows
COST = {'disk': 'disk:r=2.5', 'permuted': 'permuted:base=gaussian'}
WEIGHT = {'wiring_l1': 1e-3, 'jacobs_jordan': 1e-3, 'prior_decay': 1e-2, 'sernn': 0.05, 'tdann': 1, 'cosine_neighbour': 1, 'laplacian_pyramid': 1}


def program(*words):
    p = subprocess.run([LOCALITY, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if p.returncode: sys.exit(f'{" ".join(words)}: {p.stderr}')
    return p.stdout


def maps(folder, entries):
    with tempfile.TemporaryDirectory() as t:
        places = os.path.join(t, 'places.csv')
        with open(places, 'w') as f:  # a spiral
            f.writelines(f'{r * (k * k * 7 % 13 - 6):.3f},{r * (k * 5 % 17 - 8):.3f}\n' for k in range(60) for r in [0.5 + k / 60])
        for kind, name in entries:
            out = ['--out', os.path.join(folder, f'{kind}-{name}.svg')]
            if kind == 'topology':
                spec = f'points:file={places}' if name == 'points' else name
                program('prior', '--topology', spec, '--sheet', TOPOLOGY[name], *(['--unit', UNIT[name]] if name in UNIT else []), *out)
            elif kind in ('cost', 'prior'):
                program('prior', '--cost', COST.get(name, name), '--sheet', '9x9', *out)


def curve(path, lines):
    """lines: (name, colour, values)"""
    low, high = min(min(v) for _, _, v in lines), max(max(v) for _, _, v in lines)
    w, h, at = 240, 120, lambda v: 110 - 100 * (v - low) / (high - low or 1)
    with open(path, 'w') as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{w + 90}" height="{h}" font-family="sans-serif" font-size="11">\n'
                f'<path d="M10 5V110H{w}" fill="none" stroke="#888"/>\n')
        for name, colour, v in lines:
            points = ' '.join(f'{10 + (w - 10) * k / (len(v) - 1):.1f},{at(x):.1f}' for k, x in enumerate(v))
            f.write(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>\n'
                    f'<text x="{w + 4}" y="{min(at(v[-1]) + 4, 114):.1f}" fill="{colour}">{name} {v[-1]:.3g}</text>\n')
        f.write('</svg>\n')


def curves(folder, names):
    with tempfile.TemporaryDirectory() as t:
        net = os.path.join(t, 'net.yaml')
        with open(net, 'w') as f:
            f.write('input: {size: 28}\nlayers:\n  - sequence\n  - rec: {layer: "recurrent:cell=relu,output=all", sheet: 6x6, record: h}\n'
                    '  - last\n  - linear:units=$classes\n')
        data = os.path.join(t, 'data')
        images(data)
        for name in names:
            layer = 'penalty.last1' if name == 'tdann' else 'penalty.rec'
            arms = [f'{arm}=({layer}=({name}:weight={weight:g}))' for arm, weight in (('without', 0), ('with', WEIGHT[name]))]
            run = os.path.join(t, name)
            program('experiment', 'mnist', '--data', 'idx:' + data, '--model', net, '--arms', ','.join(arms), '--seeds', '1', '--epochs', '12',
                    '--batch', '16', '--images', '20', '--backend', 'cpu:threads=1', '--no-report', '--out', run, '-q')
            program('analyze', run)
            rows = list(csv.DictReader(open(os.path.join(run, 'penalties.csv'))))
            curve(os.path.join(folder, f'penalty-{name}.svg'),
                  [(arm, colour, [float(r['value']) for r in rows if r['arm'] == arm]) for arm, colour in (('without', '#666'), ('with', '#08306b'))])


def images(folder):
    """Ten classes of 28 x 28 images: a bright row each, on noise."""
    os.mkdir(folder)
    for split, n in (('train', 320), ('t10k', 40)):
        pixels = bytes(255 if i % 784 // 28 // 2 == i // 784 % 10 else (i * 7919 + i // 784 * 104729) % 97 for i in range(n * 784))
        head = lambda magic, *dims: b''.join(v.to_bytes(4, 'big') for v in (magic, n, *dims))
        with open(os.path.join(folder, split + '-images-idx3-ubyte'), 'wb') as f: f.write(head(0x803, 28, 28) + pixels)
        with open(os.path.join(folder, split + '-labels-idx1-ubyte'), 'wb') as f: f.write(head(0x801) + bytes(i % 10 for i in range(n)))


LOCALITY, out = sys.argv[1:3]
entries = [(e['kind'], e['name']) for e in json.loads(program('plugins', '--json'))['entries']]
maps(out, entries)
if '--maps' not in sys.argv: curves(out, [name for kind, name in entries if kind == 'penalty'])
