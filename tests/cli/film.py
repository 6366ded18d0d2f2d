#!/usr/bin/env python3
"""film.py LOCALITY: activations kept at chosen epochs change nothing of the training, and are what the report's player shows; the page
lets no other script run."""
import base64, hashlib, json, os, random, re, shutil, struct, subprocess, sys, tempfile

L = os.path.abspath(sys.argv[1])
os.chdir(tempfile.mkdtemp(prefix='locality-film-'))
os.environ['LOCALITY_CACHE'] = os.path.abspath('cache')


def save(name, content):
    with open(name, 'wb') as f: f.write(content)


def run(*words):
    return subprocess.run([L, *words], capture_output=True, timeout=240, text=True)


def experiment(out, *words):
    p = run('experiment', 'mnist', '--data', 'idx:d', '--backend', 'cpu:threads=1', '--arms', 'control,linear', '--seeds', '2', '--epochs', '4', '--batch', '16',
            '--images', '30', '-q', '--out', out, *words)
    assert p.returncode == 0, p.stderr


def tensors(path):
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


rng = random.Random(3)
os.mkdir('d')
for split, n in (('train', 64), ('t10k', 40)):
    pixels = bytes(rng.randrange(256) if rng.random() < .3 else 200 * (i // 784 % 10 > i % 28 // 3) for i in range(n * 784))
    save(f'd/{split}-images-idx3-ubyte', struct.pack('>4I', 0x803, n, 28, 28) + pixels)
    save(f'd/{split}-labels-idx1-ubyte', struct.pack('>2I', 0x801, n) + bytes(i % 10 for i in range(n)))
experiment('plain')
experiment('film', '--film', '1,3,4')

# The first seed's, but for the last epoch, which is kept in any case; nothing else differs.
names = set(os.listdir('film/activations')) - set(os.listdir('plain/activations'))
assert names == {f'{arm}-seed1-epoch{e}.safetensors' for arm in ('control', 'linear') for e in (1, 3)}, names
for folder in ('models', 'activations'):
    for name in os.listdir('plain/' + folder):
        assert open(f'plain/{folder}/{name}', 'rb').read() == open(f'film/{folder}/{name}', 'rb').read(), name
assert 'film-player' not in open('plain/report.html').read() and '<script' not in open('plain/report.html').read()

page = open('film/report.html').read()
policy = re.search(r"script-src 'sha256-([^']+)'", page).group(1)
scripts = re.findall(r'<script([^>]*)>(.*?)</script>', page, re.S)
assert len(scripts) == 2 and 'application/json' in scripts[0][0] and not scripts[1][0], 'one script and its data'
assert base64.b64encode(hashlib.sha256(scripts[1][1].encode()).digest()).decode() == policy
film = json.loads(scripts[0][1])
summary = json.load(open('film/summary.json'))['arms']
assert [a['name'] for a in film['arms']] == ['control', 'linear'] and film['classes'] == [str(c) for c in range(10)]
for arm in film['arms']:
    assert [f['epoch'] for f in arm['frames']] == [0, 1, 3, 4] and (arm['rows'], arm['cols']) == (7, 7)
    first = summary[arm['name']]['runs'][0]
    for f, want in ((arm['frames'][0], first['untrained']), (arm['frames'][-1], first['sites'])):
        assert abs(f['v'] - want['lp_out']['variance']) < 1e-12 and abs(f['i'] - want['lp_out']['moran_i']) < 1e-12, f['epoch']
    for f in arm['frames'][1:3]:
        t = tensors(f'film/activations/{arm["name"]}-seed1-epoch{f["epoch"]}.safetensors')
        x, label = t['lp_out'], t['labels'][0]
        maps, step = base64.b64decode(f['maps']), (film['high'] - film['low']) / 255
        assert len(maps) == 490
        for c in range(10):
            own = [row for row, k in zip(x, label) if k == c]
            for u in range(49):
                mean = sum(row[u] for row in own) / len(own)
                assert abs(film['low'] + step * maps[49 * c + u] - mean) <= .51 * step, (arm['name'], c, u)
rows = [line.split(',') for line in open('film/figures/film.csv').read().splitlines()]
assert rows[0] == ['arm', 'seed', 'epoch', 'variance', 'moran_i'] and len(rows) == 9
assert float(rows[2][3]) == film['arms'][0]['frames'][1]['v']

for bad in ('5', '0', 'x', '1,x'):
    p = run('experiment', 'mnist', '--data', 'idx:d', '--epochs', '4', '--film', bad, '--out', 'bad')
    assert p.returncode and p.stderr.count('\n') == 1 and 'is not all or an epoch from 1 to 4' in p.stderr and not os.path.exists('bad'), (bad, p.stderr)
shutil.rmtree(os.getcwd())
print('1 passed, 0 failed')
