#!/usr/bin/env python3
"""import.py LOCALITY: activations made elsewhere, put into a run folder, have the numbers that a run of our own with the same
activations has, whatever kind of file they come in; what cannot be right is one line and leaves nothing behind."""
import json, math, os, random, resource, shutil, signal, struct, subprocess, sys, tempfile, zipfile

L = os.path.abspath(sys.argv[1])
os.chdir(tempfile.mkdtemp(prefix='locality-import-'))
os.environ['LOCALITY_CACHE'] = os.path.abspath('cache')


def npy(rows, code='d', fortran=False, shape=None):
    flat = [v for row in (zip(*rows) if fortran else rows) for v in row]
    kind = {'d': 'f8', 'f': 'f4', 'e': 'f2', 'q': 'i8', 'b': 'i1'}[code]
    head = str({'descr': ('|' if kind[1] == '1' else '<') + kind, 'fortran_order': fortran, 'shape': shape or (len(rows), len(rows[0]))})
    head += ' ' * (63 - (10 + len(head)) % 64) + '\n'
    return b'\x93NUMPY\x01\0' + struct.pack('<H', len(head)) + head.encode() + struct.pack('<' + str(len(flat)) + code, *flat)


def safetensors(**tensors):
    head, data = {}, b''
    for name, (dtype, shape, raw) in tensors.items():
        head[name] = {'dtype': dtype, 'shape': shape, 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head).encode()
    return struct.pack('<Q', len(text)) + text + data


def tensors(path):
    """name: rows of a safetensors file of F32 and I32."""
    raw = open(path, 'rb').read()
    n = struct.unpack('<Q', raw[:8])[0]
    out = {}
    for name, t in json.loads(raw[8:8 + n]).items():
        if name == '__metadata__': continue
        a, b = t['data_offsets']
        flat = struct.unpack(f'<{(b - a) // 4}{"f" if t["dtype"] == "F32" else "i"}', raw[8 + n + a:8 + n + b])
        width = t['shape'][1] if len(t['shape']) > 1 else len(flat)
        out[name] = [list(flat[i:i + width]) for i in range(0, len(flat), width)]
    return out


def save(name, content):
    with open(name, 'wb') as f: f.write(content)
    return name


def zipped(name, **members):
    with zipfile.ZipFile(name, 'w', zipfile.ZIP_DEFLATED) as z:
        for key, content in members.items(): z.writestr(key + '.npy', content)
    return name


def run(*words, **more):
    return subprocess.run([L, *words], capture_output=True, timeout=240, text=True, **more)


def good(*words):
    p = run(*words)
    assert p.returncode == 0, (words, p.stderr)
    return p.stdout


def tree(folder):
    return sorted(os.path.join(d, f) for d, _, files in os.walk(folder) for f in files)


def content(folder):
    return {path: open(path, 'rb').read() for path in tree(folder)}


def refused(part, folder, *words, **more):
    """One line, and the folder as it was, or not there."""
    before, was = content(folder), os.path.exists(folder)
    p = run('import', folder, *words, **more)
    assert p.returncode and p.stderr.count('\n') == 1 and part in p.stderr and not p.stdout, (part, words, p.stderr)
    assert content(folder) == before and os.path.exists(folder) == was, part


# A run of our own, and its activations as anyone would save them.
rng = random.Random(1)
os.mkdir('d')
for split, n in (('train', 64), ('t10k', 40)):
    pixels = bytes(rng.randrange(256) if rng.random() < .2 else 255 * ((i // 28 // 7 + i // 784) % 2) for i in range(n * 784))
    save(f'd/{split}-images-idx3-ubyte', struct.pack('>4I', 0x803, n, 28, 28) + pixels)
    save(f'd/{split}-labels-idx1-ubyte', struct.pack('>2I', 0x801, n) + bytes(i % 10 for i in range(n)))
good('experiment', 'mnist', '--data', 'idx:d', '--backend', 'cpu:threads=1', '--arms', 'control,linear', '--seeds', '3', '--epochs', '1',
     '--batch', '16', '--images', '30', '--no-report', '-q', '--out', 'own')
good('analyze', 'own')
own = json.load(open('own/summary.json'))
first = tensors('own/activations/control-seed1.safetensors')
N, UNITS = len(first['lp_in']), len(first['lp_in'][0])
labels = save('labels.npy', npy(first['labels'], 'q', shape=(N,)))
save('strided.csv', '\n'.join(str(7 * v - 3) for v in first['labels'][0]).encode())
for arm in ('control', 'linear'):
    for seed in ('1', '2', '3'):
        t = tensors(f'own/activations/{arm}-seed{seed}.safetensors')
        where = f'{arm}{seed}'
        save(where + 'a.npy', npy(t['lp_in'], 'd'))
        save(where + 'b.npy', npy(t['lp_out'], 'f', fortran=True))
        zipped(where + '.npz', x=npy(t['lp_in'], 'f'), y=npy(t['lp_out'], 'd', fortran=True))
        save(where + '.csv', '\n'.join(','.join(map(repr, row)) for row in t['lp_in']).encode())
        save(where + '.safetensors', safetensors(a=('F32', [N, UNITS], struct.pack(f'<{N * UNITS}f', *[v for row in t['lp_out'] for v in row]))))


save('w.npy', npy([[(3 * i + 5 * k) % 11 / 8 for k in range(49)] for i in range(49)]))
ON_SHEET = ('analyze', 'control1a.npy', '--sheet', '7x7', '--json')
WIRING = {m['measure'] for m in json.loads(good(*ON_SHEET, '--weights', 'w.npy'))['measures']} - {m['measure'] for m in json.loads(good(*ON_SHEET))['measures']}
assert 'wiring_length' in WIRING and 'moran_i' not in WIRING, WIRING


def sites(folder):
    """What each network shows at each site, and the tests over networks of every measure of a site, but for those of weights."""
    s = json.load(open(folder + '/summary.json'), object_hook=lambda o: {k: v for k, v in o.items() if k not in WIRING})
    s['comparisons'] = [c for c in s['comparisons'] if c['measure'] not in WIRING]
    runs = {(arm, r['seed']): r['sites'] for arm, v in s['arms'].items() for r in v['runs']}
    tests = {(c['arm'], c['site'], c['measure']): ([c['difference'][k] for k in ('mean', 'error', 't', 'df')], c['p'], c['n'], c['dz']['value'] if c['dz'] else None)
             for c in s['comparisons'] if c['site']} # intervals are wider where accuracy shares alpha
    images = open(folder + '/images.csv').read()
    return runs, tests, images


for k, (a, b) in enumerate((('{}a.npy', '{}b.npy'), ('{}.npz:x', '{}.npz:y'), ('{}.csv', '{}.safetensors:a'))):
    folder = f'made{k}'
    for arm in ('control', 'linear'):
        for seed in ('1', '2', '3'):
            at = arm + seed
            more = ['--labels', labels] if seed == '1' else []
            good('import', folder, '--arm', arm, '--seed', seed, '--site', 'lp_in=' + a.format(at) + ':7x7', '--site', 'lp_out=' + b.format(at) + ':7x7', *more)
    good('analyze', folder)
    got = sites(folder)
    for g, w in zip(got, sites('own')): assert g == w, (folder, g, w)
    assert [c['measure'] for c in json.load(open(folder + '/summary.json'))['comparisons'] if not c['site']] == [], 'nothing is known of accuracy'
    for arm in ('control', 'linear'):
        for seed in '123': assert tensors(f'{folder}/activations/{arm}-seed{seed}.safetensors') == tensors(f'own/activations/{arm}-seed{seed}.safetensors')

# F16 and BF16 are the numbers that they hold.
rows = [[(i * 7 + m * m) % 64 / 16 for i in range(12)] for m in range(9)]
flat = [v for row in rows for v in row]
save('h.npy', npy(rows, 'e'))
save('h.safetensors', safetensors(h=('BF16', [9, 12], b''.join(struct.pack('<f', v)[2:] for v in flat))))
for name in ('h.npy', 'h.safetensors'):
    good('import', 'half' + name, '--arm', 'a', '--seed', '1', '--site', f's={name}:3x4')
    assert tensors(f'half{name}/activations/a-seed1.safetensors')['s'] == rows
# Class names are the values of the labels, in order; a folder without labels has one class.
good('import', 'strided', '--arm', 'a', '--seed', '5', '--site', 's=control1a.npy:7x7', '--labels', 'strided.csv')
assert json.load(open('strided/manifest.json'))['classes'] == [str(7 * c - 3) for c in range(10)]
assert json.load(open('halfh.npy/manifest.json'))['classes'] == ['all']

# Points, weights, arms with other sites than the first.
save('xy.csv', '\n'.join(f'{i % 7 + .25 * (i // 7)},{i // 7}' for i in range(49)).encode())
A = ['--site', 'v1=control1a.npy:xy.csv']
good('import', 'pts', '--arm', 'a', '--seed', '1', *A, '--labels', labels, '--weights', 'v1=w.npy', '--title', 'Cells')
good('import', 'pts', '--arm', 'a', '--seed', '2', '--site', 'v1=control2a.npy:xy.csv')
good('import', 'pts', '--arm', 'b', '--seed', '1', '--site', 'v1=linear1a.npy:7x7', '--site', 'it=linear1b.npy:49x1')
m = json.load(open('pts/manifest.json'))
assert m['title'] == 'Cells' and m['plan']['primary'] == ['variance'] and len(m['imported']) == 3
assert m['sites'][0]['positions'][8] == [1.25, 1.0] and [s['name'] for s in m['arms'][1]['sites']] == ['v1', 'it']
assert tensors('pts/models/a-seed1.safetensors')['v1.weight'][1][:3] == [3 / 8, 8 / 8, 2 / 8]
good('analyze', 'pts')
s = json.load(open('pts/summary.json'))['arms']['a']
assert s['sites']['v1']['topology'] == 'points' and s['networks']['lost'] == 0
got = s['runs'][0]['sites']['v1']
assert got['variance_torus'] is None and got['participation_ratio'] > 1
at = [(i % 7 + .25 * (i // 7), i // 7) for i in range(49)]
spread = [(sum(a[i] * a[j] * math.dist(at[i], at[j]) ** 2 for i in range(49) for j in range(i)), sum(a[i] * a[j] for i in range(49) for j in range(i)))
          for a in tensors('own/activations/control-seed1.safetensors')['lp_in']]
spread = [moment / pairs / 2 for moment, pairs in spread if pairs]
assert got['modularity'] is not None, 'weights are measured'
assert math.isclose(got['variance'], sum(spread) / len(spread), rel_tol=1e-9), got
# Negative activations: V is not of them, order is.
neg = [[v - .5 for v in row] for row in tensors('own/activations/control-seed1.safetensors')['lp_in']]
save('neg.npy', npy(neg))
good('import', 'neg', '--arm', 'a', '--seed', '1', '--site', 's=neg.npy:7x7')
good('analyze', 'neg')
s = json.load(open('neg/summary.json'))
assert s['plan']['primary'] == ['moran_i'] and s['arms']['a']['networks']['collapsed'] == 0
assert s['arms']['a']['runs'][0]['sites']['s']['variance'] is None

# What cannot be right.
ONE = ['--arm', 'a', '--seed', '1']
S = ['--site', 's=control1a.npy:7x7']
save('complex.npy', npy(rows).replace(b'<f8', b'<c8'))
bad = [list(row) for row in rows]
refused("type '<c8'", 'new', *ONE, '--site', 's=complex.npy:3x4')
refused('29 labels for 30 images', 'new', *ONE, *S, '--labels', save('few.csv', b'1\n2\n' * 14 + b'1\n'))
for word, v in (('NaN', math.nan), ('infinite', -math.inf)):
    bad[2][5] = v
    refused(f'image 2, unit 5 is {word}', 'new', *ONE, '--site', 's=' + save('bad.npy', npy(bad)) + ':3x4')
refused('1e+300 is too large', 'new', *ONE, '--site', 's=' + save('large.npy', npy([[1e300, 1], [2, 3]])) + ':1x2')
refused('one image', 'new', *ONE, '--site', 's=' + save('image.npy', npy(rows[:1])) + ':3x4')
refused('one unit', 'new', *ONE, '--site', 's=' + save('unit.npy', npy([row[:1] for row in rows])) + ':1x1')
refused('all 12 units are constant', 'new', *ONE, '--site', 's=' + save('constant.npy', npy([rows[0]] * 5)) + ':3x4')
refused('an array of 3 axes', 'new', *ONE, '--site', 's=' + save('cube.npy', npy(rows, shape=(9, 3, 4))) + ':3x4')
refused('--sheet 3x5 has 15 units, h.npy has 12', 'new', *ONE, '--site', 's=h.npy:3x5')
refused('49 positions for 12 units', 'new', *ONE, '--site', 's=h.npy:xy.csv')
refused('truncated', 'new', *ONE, '--site', 's=' + save('cut.npz', open('control1.npz', 'rb').read()[:-40]) + ':x:7x7')
refused('2 arrays, x, y', 'new', *ONE, '--site', 's=control1.npz:7x7')
refused("two sites are called 's'", 'new', *ONE, *S, '--site', 's=h.npy:3x4')
refused('9 images; control1a.npy has 30', 'new', *ONE, *S, '--site', 'o=h.npy:3x4')
refused('NAME=FILE:ROWSxCOLUMNS', 'new', *ONE, '--site', 'control1a.npy')
refused("site 'labels'", 'new', *ONE, '--site', 'labels=h.npy:3x4')
refused("arm 'a/b'", 'new', '--arm', 'a/b', '--seed', '1', *S)
refused('--seed x', 'new', '--arm', 'a', '--seed', 'x', *S)
refused('--arm, --seed and --site are needed', 'new', *S)
refused("no site is called 't'", 'new', *ONE, *S, '--weights', 't=w.npy')
refused('matrix of 49 x 49', 'new', *ONE, *S, '--weights', 's=h.npy')
refused("did you mean 'moran_i'", 'new', *ONE, *S, '--primary', 'moran_j')
refused('activations are negative, and V', 'new', *ONE, '--site', 's=neg.npy:7x7', '--primary', 'variance')
refused('cannot open missing.npy', 'new', *ONE, '--site', 's=missing.npy:7x7')
# A folder that is there.
refused("arm 'a', seed 1 is there already", 'neg', *ONE, '--site', 's=neg.npy:7x7')
refused('have other sites', 'neg', '--arm', 'a', '--seed', '2', '--site', 't=neg.npy:7x7')
refused('have other sites', 'pts', '--arm', 'a', '--seed', '4', '--site', 'v1=control1a.npy:7x7')
refused('9 images; the networks of pts have 30', 'pts', '--arm', 'c', '--seed', '1', '--site', 's=h.npy:3x4')
refused('activations are negative, and V', 'strided', '--arm', 'b', '--seed', '1', '--site', 's=neg.npy:7x7')
refused('image 0 is of class 0; for the networks of strided it is of class -3', 'strided', '--arm', 'b', '--seed', '1', *S, '--labels', labels)
refused('own holds networks that were trained there', 'own', *ONE, *S)
refused('d is not empty and holds no imports', 'd', *ONE, *S)
refused('--title is for a new folder', 'strided', '--arm', 'b', '--seed', '1', *S, '--title', 'x')
p = run('experiment', '--resume', 'neg')
assert p.returncode and p.stderr.count('\n') == 1 and 'neg holds imports' in p.stderr, p.stderr


# A disk that is full: nothing is left, and the folder is as it was.
def small():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))


refused('cannot write', 'new', *ONE, *S, preexec_fn=small)
refused('cannot write', 'strided', '--arm', 'b', '--seed', '1', *S, preexec_fn=small)
os.mkdir('empty')
refused('cannot write', 'empty', *ONE, *S, preexec_fn=small)
assert os.listdir('empty') == []
# A network whose end was lost is missing, and may come again.
save('strided/metrics.jsonl', b'')
good('import', 'strided', '--arm', 'a', '--seed', '5', '--site', 's=control1a.npy:7x7', '--labels', labels)
assert json.load(open('strided/manifest.json'))['classes'] == [str(c) for c in range(10)]

good('report', 'pts')
page = open('pts/report.html').read()
assert 'Accuracy and loss' not in page and 'made elsewhere' in page, 'the report of an import'

# Arms that share no seed, and seeds that are dates or need more bits than doubles have: maps of both arms, every digit.
ODD = (20240101, 20240102, 20240103), (2**53 + 1, 2**53 + 2, 2**53 + 3)
for arm, seeds in zip(('control', 'linear'), ODD):
    for k, seed in enumerate(seeds): good('import', 'odd', '--arm', arm, '--seed', str(seed), '--site', f's={arm}{k + 1}a.npy:7x7', *(['--labels', labels] if seed == ODD[0][0] else []))
good('analyze', 'odd')
good('report', 'odd')
page = open('odd/report.html').read()
assert ' 6 networks, made elsewhere.' in page and ' of 12 networks' not in page, 'no arm was to have every seed'
assert 'dropout' not in page and 'on imported' not in json.load(open('odd/summary.json'))['answer'][0], 'what is not known of imports'
for c in json.load(open('odd/summary.json'))['comparisons']: assert 'active' not in c['reason'] or c['measure'].startswith('variance'), c['reason']
assert page.count(f'seed {ODD[0][0]} (linear: {ODD[1][0]})') == 7 and 'e+07' not in page and 'e+15' not in page, 'the seeds of the maps'
for name in ('selectivity_s', 'maps_s', 'preference_s', 'nested_s'): assert all(f'# arm {arm}' in open(f'odd/figures/{name}.csv').read() for arm in ('control', 'linear')), name
assert {line.split(',')[3] for line in open('odd/figures/variance.csv') if line[0] not in '#\n'} >= {str(s) for arm in ODD for s in arm}, 'seeds of the points'
for networks, stands in ((6, False), (7, True)):  # a sign test of each arm shares alpha: 2^-5 is above .05 / 2
    summary = json.load(open('odd/summary.json'))
    run_ = summary['arms']['linear']['runs'][-1]
    run_['sites']['s'].update(nestedness=50, chance={'nestedness': 20})
    summary['arms']['linear']['runs'] = [run_] * networks
    save('odd/summary.json', json.dumps(summary).encode())
    good('report', 'odd')
    assert ('<li>The classes\u2019 units are nested at s in <strong>linear' in open('odd/report.html', encoding='utf-8').read()) == stands, networks
shutil.rmtree(os.getcwd())
print('1 passed, 0 failed')
