#!/usr/bin/env python3
"""compare.py LOCALITY: run folders side by side are the tests that one does by hand on their networks, and networks are pairs only
where a seed means the same in both."""
import csv, io, json, math, os, random, shutil, struct, subprocess, sys, tempfile

L = os.path.abspath(sys.argv[1])
os.chdir(tempfile.mkdtemp(prefix='locality-compare-'))
os.environ['LOCALITY_CACHE'] = os.path.abspath('cache')


def save(name, content):
    with open(name, 'wb') as f: f.write(content)
    return name


def run(*words):
    return subprocess.run([L, *words], capture_output=True, timeout=240, text=True)


def good(*words):
    p = run(*words)
    assert p.returncode == 0, (words, p.stderr)
    return p.stdout


def refused(part, *words):
    p = run('compare', *words)
    assert p.returncode and p.stderr.count('\n') == 1 and part in p.stderr and not p.stdout, (part, words, p.stderr)


def images(folder, seed, n_train):
    rng = random.Random(seed)
    os.mkdir(folder)
    for split, n in (('train', n_train), ('t10k', 20)):
        pixels = bytes(rng.randrange(256) for _ in range(n * 784))
        save(f'{folder}/{split}-images-idx3-ubyte', struct.pack('>4I', 0x803, n, 28, 28) + pixels)
        save(f'{folder}/{split}-labels-idx1-ubyte', struct.pack('>2I', 0x801, n) + bytes(i % 10 for i in range(n)))


def experiment(out, *words, data='d'):
    good('experiment', 'mnist', '--data', 'idx:' + data, '--backend', 'cpu:threads=1', '--epochs', '1', '--batch', '8', '--images', '20',
         '--no-report', '-q', '--out', out, *words)
    good('analyze', out)


def values(folder, arm, site, measure):
    runs = json.load(open(folder + '/summary.json'))['arms'][arm]['runs']
    return {r['seed']: (r['sites'][site] if site else r)[measure] for r in runs}


def moments(x):
    m = sum(x) / len(x)
    return m, math.sqrt(sum((v - m) ** 2 for v in x) / (len(x) - 1))


images('d', 1, 48)
images('other', 2, 48)
experiment('a', '--arms', 'control,linear', '--seeds', '4')
experiment('b', '--arms', 'control', '--seeds', '3', '--lr', '0.03')
experiment('wide', '--arms', 'control', '--seeds', '3', '--sheet', '6x8')
os.mkdir('sub')
experiment('sub/b', '--arms', 'control', '--seeds', '3', data='other')
experiment('big', '--arms', 'control', '--seeds', '3', '--batch', '16')

all_ = json.loads(good('compare', 'a', 'b', 'sub/b', 'wide', 'big', '--json'))
assert all_['reference'] == 'a/control'
why = {r['name']: (r['paired'], r['why']) for r in all_['runs']}
assert why['a'][0] and why['b'][0] and why['wide'][0], why
assert why['sub/b'] == (False, 'other training images') and why['big'] == (False, 'another batch size'), why
assert any(w.startswith('sub/b was not measured on the images of a') for w in all_['warnings']), all_['warnings']
by = {(c['arm'], c['site'], c['measure']): c for c in all_['comparisons']}

# Paired within a folder and with b, by hand; 3 of the 4 seeds are in both.
for arm, folder, name in (('a/linear', 'a', 'linear'), ('b/control', 'b', 'control')):
    for site, measure in (('lp_out', 'moran_i'), ('lp_in', 'variance'), (None, 'accuracy'), (None, 'loss')):
        c = by[arm, site, measure]
        x, y = values(folder, name, site, measure), values('a', 'control', site, measure)
        d = [x[s] - y[s] for s in x if s in y]
        m, sd = moments(d)
        assert c['analysis'] == 'paired' and c['n'] == len(d) and math.isclose(c['difference']['mean'], m, abs_tol=1e-12), c
        if sd > 1e-9: assert math.isclose(c['difference']['t'], m / (sd / math.sqrt(len(d))), rel_tol=1e-9), c
        assert math.isclose(c['mean'], moments([x[s] for s in x if s in y])[0], abs_tol=1e-12), c
# Welch's with the others: all networks of both.
for arm, folder in (('sub/b/control', 'sub/b'), ('big/control', 'big')):
    c = by[arm, 'lp_out', 'moran_i']
    x, y = list(values(folder, 'control', 'lp_out', 'moran_i').values()), list(values('a', 'control', 'lp_out', 'moran_i').values())
    (mx, sx), (my, sy) = moments(x), moments(y)
    u, v = sx * sx / len(x), sy * sy / len(y)
    assert c['analysis'] == 'welch' and (c['n'], c['reference_n']) == (3, 4), c
    assert math.isclose(c['difference']['t'], (mx - my) / math.sqrt(u + v), rel_tol=1e-9), c
    assert math.isclose(c['difference']['df'], (u + v) ** 2 / (u * u / 2 + v * v / 3), rel_tol=1e-9), c
# Sheets that differ: V as a fraction of uniform, 49 / 12 (1 + 1) ... of each sheet.
uniform = {(7, 7): (48 + 48) / 12 / (1 - 1 / 49), (6, 8): (35 + 63) / 12 / (1 - 1 / 48)}
c = by['wide/control', 'lp_out', 'variance']
x, y = values('wide', 'control', 'lp_out', 'variance'), values('a', 'control', 'lp_out', 'variance')
d = [x[s] / uniform[6, 8] - y[s] / uniform[7, 7] for s in x]
assert c['fraction'] and math.isclose(c['difference']['mean'], moments(d)[0], rel_tol=1e-9), c
assert not by['wide/control', 'lp_out', 'moran_i']['fraction']
# Benjamini and Hochberg over everything that was tested.
p = sorted(c['p'] for c in all_['comparisons'] if c['p'] is not None)
q = [min(p[k] * len(p) / (k + 1) for k in range(i, len(p))) for i in range(len(p))]
assert all(math.isclose(a, b, rel_tol=1e-12) for a, b in zip(q, sorted(c['q'] for c in all_['comparisons'] if c['q'] is not None)))

# The same as text, CSV and files.
words = ['compare', 'a', 'b', 'sub/b', 'wide', 'big']
text = good(*words)
assert 'against a/control' in text and 'variance at lp_out' in text and 'moran_i' not in text and 'more comparisons: --only all' in text
assert 'moran_i at lp_in' in good(*words, '--only', 'moran_i')
rows = list(csv.DictReader(io.StringIO(good(*words, '--csv', '--out', 'o.json'))))
assert len(rows) == len(all_['comparisons'])
for row, c in zip(rows, all_['comparisons']):
    assert (row['arm'], row['site'], row['verdict']) == (c['arm'], c['site'] or '', c['verdict'])
    assert (float(row['p']) if row['p'] else None) == c['p'] and float(row['difference']) == c['difference']['mean'], row
assert json.load(open('o.json')) == all_
good(*words, '-q', '--out', 'o.csv')
assert len(list(csv.DictReader(open('o.csv')))) == len(rows)
other = json.loads(good('compare', 'a', 'b', '--reference', 'b/control', '--json'))
assert {c['reference'] for c in other['comparisons']} == {'b/control'} and {c['arm'] for c in other['comparisons']} == {'a/control', 'a/linear'}

# Imports: nothing is known of their seeds.
save('acts.csv', '\n'.join(','.join(str((7 * i + 3 * k * k) % 23) for k in range(49)) for i in range(20)).encode())
good('import', 'made', '--arm', 'x', '--seed', '1', '--site', 'lp_out=acts.csv:7x7')
good('analyze', 'made')
m = json.loads(good('compare', 'a', 'made', '--json'))
assert not m['runs'][1]['paired'] and any('not known' in w for w in m['warnings']) and 'made/x has no site lp_in' in m['warnings'], m['runs']

refused('missing is not a run folder', 'a', 'missing')
refused('a is there twice', 'a', 'a')
refused("did you mean 'b/control'", 'a', 'b', '--reference', 'b/contrl')
refused("did you mean 'moran_i'", 'a', 'b', '--only', 'moran_j')
refused('its name ends in .csv or .json', 'a', 'b', '--out', 'x.txt')
refused('missing argument', 'a')
os.remove('b/summary.json')
refused('b is not analysed: locality analyze b', 'a', 'b')
shutil.rmtree(os.getcwd())
print('1 passed, 0 failed')
