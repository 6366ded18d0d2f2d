#!/usr/bin/env python3
"""analyze.py LOCALITY: activations made elsewhere, in every kind of file, are the same measures; what
cannot be right is one line. Files are written by hand, as NumPy writes them; where python3 has NumPy, it
writes some too."""
import json, math, os, struct, subprocess, sys, tempfile, zipfile

L = os.path.abspath(sys.argv[1])
os.chdir(tempfile.mkdtemp(prefix='locality-analyze-'))
N, R, C = 23, 5, 7
X = [[(7 * m * m + 3 * i * i + 5 * m * i + 11 * m + 17 * i) % 101 / 128 - .25 for i in range(R * C)] for m in range(N)]
LABELS = [10 * (m % 3) - 7 for m in range(N)]


def npy(rows, code='d', fortran=False, big=False, shape=None):
    flat = [v for row in (zip(*rows) if fortran else rows) for v in row]
    shape = shape or (len(rows), len(rows[0]))
    kind = {'d': 'f8', 'f': 'f4', 'e': 'f2', 'q': 'i8', 'h': 'i2', 'Q': 'u8', 'B': 'u1', 'b': 'i1'}[code]
    head = str({'descr': ('>' if big else '|' if kind[1] == '1' else '<') + kind, 'fortran_order': fortran, 'shape': shape})
    head += ' ' * (63 - (10 + len(head)) % 64) + '\n'
    return b'\x93NUMPY\x01\0' + struct.pack('<H', len(head)) + head.encode() + struct.pack(('>' if big else '<') + str(len(flat)) + code, *flat)


def safetensors(**tensors):
    head, data = {}, b''
    for name, (dtype, shape, raw) in tensors.items():
        head[name] = {'dtype': dtype, 'shape': shape, 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head).encode()
    return struct.pack('<Q', len(text)) + text + data


def save(name, content):
    with open(name, 'wb') as f: f.write(content)
    return name


def zipped(name, how, **members):
    with zipfile.ZipFile(name, 'w', how) as z:
        for key, content in members.items(): z.writestr(key + '.npy', content)
    return name


def run(*words):
    return subprocess.run([L, 'analyze', *words], capture_output=True, timeout=120, text=True)


def measures(*words):
    p = run(*words, '--json', '-q')
    assert p.returncode == 0, (words, p.stderr)
    return {(m['measure'], m['class']): m['value'] for m in json.loads(p.stdout)['measures']}


def refused(part, *words):
    p = run(*words)
    assert p.returncode and p.stderr.count('\n') == 1 and part in p.stderr and not p.stdout, (part, words, p.stderr)


flat = [v for row in X for v in row]
labels = save('labels.npy', npy([LABELS], 'q', shape=(N,)))
WHERE = ['--sheet', '5x7', '--labels', labels, '--only', 'moran:permutations=9,smoothness,tgi,participation_ratio']
want = measures(save('a.npy', npy(X)), *WHERE)
assert {c for _, c in want} == {None, -7, 3, 13}, want

# The same numbers: 1/128 are exact in float16.
bf16 = b''.join(struct.pack('<f', v)[2:] for v in flat)
files = {'f.npy': npy(X, 'f'), 'e.npy': npy(X, 'e'), 'fortran.npy': npy(X, 'd', True), 'big.npy': npy(X, 'd', big=True),
         'ef.npy': npy(X, 'e', True), 'st.safetensors': safetensors(acts=('F16', [N, R * C], struct.pack(f'<{len(flat)}e', *flat))),
         'a.csv': b'u0,u1\n' + '\n'.join(','.join(map(repr, row)) for row in X).encode(),
         'blanks.csv': '\r\n'.join(' '.join(map(repr, row)) for row in X).encode() + b'\r\n\r\n'}
for name, content in files.items():
    assert measures(save(name, content), *WHERE) == want, name
save('two.safetensors', safetensors(x=('F64', [1], struct.pack('<d', 1)), y=('BF16', [N, R * C], bf16)))
rounded = [[struct.unpack('<f', b'\0\0' + struct.pack('<f', v)[2:])[0] for v in row] for row in X]
assert measures('two.safetensors:y', *WHERE) == measures(save('rounded.npy', npy(rounded)), *WHERE)
zipped('a.npz', zipfile.ZIP_STORED, acts=npy(X), labels=npy([LABELS], 'h', shape=(N,)))
zipped('deflated.npz', zipfile.ZIP_DEFLATED, acts=npy(X, 'f'))
zipped('fortran.npz', zipfile.ZIP_DEFLATED, other=npy(X, 'd', True, shape=(N, R * C)), small=npy([[1, 2]]))
assert measures('a.npz:acts', *WHERE) == measures('deflated.npz', *WHERE) == measures('fortran.npz:other', *WHERE) == want
for name, content in {'l.csv': '\n'.join(map(str, LABELS)).encode(), 'l2.npy': npy([[v] for v in LABELS], 'b'), 'l.txt': ' '.join(map(str, LABELS)).encode()}.items():
    assert measures('a.npy', '--sheet', '5x7', '--labels', save(name, content), *WHERE[4:]) == want, name
marked = save('marked.csv', b'\xef\xbb\xbf' + '\n'.join(','.join(map(repr, row)) for row in X).encode())
assert measures(marked, *WHERE) == want  # a byte-order mark is no heading
hashes = save('hashes.npy', npy([[2**62 + v for v in LABELS]], 'q', shape=(N,)))  # they differ in bits that doubles lack
assert {(m, c if c is None else c - 2**62): v for (m, c), v in measures('a.npy', '--sheet', '5x7', '--labels', hashes, *WHERE[4:]).items()} == want
assert measures('a.npy', '--sheet', '5x7', '--labels', 'a.npz:labels', *WHERE[4:]) == want

# Positions of the sheet are the sheet, but for measures that wrap it or need its rows.
save('xy.csv', '\n'.join(f'{i // C},{i % C}' for i in range(R * C)).encode())
some = ['--labels', labels, '--only', 'moran:permutations=9,smoothness,alignment,patches,moran_i,neighbour_correlation']
assert measures('a.npy', '--positions', 'xy.csv', *some) == measures('a.npy', '--sheet', '5x7', *some)
assert measures('a.npy', '--sheet', '5x7', *some) != measures('a.npy', '--sheet', '5x7', '--torus', *some)

# One measure in closed form: Moran's I of a map that is its column, on 2 x 4 with two images.
ramp = [[i % 4 + .5 * m for i in range(8)] for m in (0, 2)]
z = [i % 4 - 1.5 for i in range(8)]
pairs = [(i, j) for i in range(8) for j in range(8) if abs(i // 4 - j // 4) + abs(i % 4 - j % 4) == 1]
moran = 8 / len(pairs) * sum(z[i] * z[j] for i, j in pairs) / sum(v * v for v in z)
got = measures(save('ramp.npy', npy(ramp)), '--sheet', '2x4', '--only', 'moran_i')
assert math.isclose(got['moran_i', None], moran, rel_tol=1e-12), (got, moran)

# Text, CSV and what is left out.
p = run('a.npy', '--sheet', '5x7', '--labels', labels)
assert p.returncode == 0 and 'moran ' in p.stdout and 'left out: variance: activations are negative' in p.stderr, p.stderr
p = run('a.npy', '--sheet', '5x7', '--only', 'tgi', '--csv')
assert p.stdout.splitlines()[0] == 'measure,class,value,chance,low,high,p,unit' and p.stdout.startswith('tgi,,', p.stdout.index('\n') + 1)
still = [[.5] + row[1:] for row in X]
p = run(save('still.npy', npy(still)), '--sheet', '5x7', '--only', 'tgi')
assert p.returncode == 0 and '1 of 35 units are constant' in p.stderr, p.stderr

# What cannot be right: one line each.
S = ['--sheet', '5x7']
save('complex.npy', npy(X).replace(b'<f8', b'<c8'))
refused("type '<c8'", 'complex.npy', *S)
refused('22 labels for 23 images', 'a.npy', *S, '--labels', save('few.npy', npy([LABELS[1:]], 'q', shape=(N - 1,))))
refused('float64: whole numbers', 'a.npy', *S, '--labels', save('real.npy', npy([LABELS], 'd', shape=(N,))))
refused('label 2 is no whole number', 'a.npy', *S, '--labels', save('half.csv', b'1\n2\n1.5\n' + b'1\n' * 20))
refused('all images are of class 4', 'a.npy', *S, '--labels', save('same.csv', b'4\n' * 23))
for word, v in (('NaN', math.nan), ('infinite', math.inf)):
    bad = [list(row) for row in X]
    bad[3][17] = v
    refused(f'image 3, unit 17 is {word}', save('bad.npy', npy(bad)), *S)
refused('one image', save('one.npy', npy(X[:1])), *S)
refused('one unit', save('unit.npy', npy([row[:1] for row in X])), '--sheet', '1x1')
refused('no image', save('none.npy', npy([[]], shape=(0, 35))), *S)
refused('all 35 units are constant', save('constant.npy', npy([X[0]] * 4)), *S)
refused('measure variance: activations are negative', 'a.npy', *S, '--only', 'variance')
refused('measure circular_variance: it needs labels', 'ramp.npy', '--sheet', '2x4', '--only', 'circular_variance')
refused('--sheet 5x8 has 40 units, a.npy has 35', 'a.npy', '--sheet', '5x8')
refused('--sheet 5by7', 'a.npy', '--sheet', '5by7')
refused('where do the 35 units stand', 'a.npy')
refused('not both', 'a.npy', *S, '--positions', 'xy.csv')
refused('an array of 3 axes', save('cube.npy', npy(X, shape=(N, R, C))), *S)
refused('8 positions for 35 units', 'a.npy', '--positions', save('eight.csv', b'0,1\n1,2\n2,3\n3,4\n4,5\n5,6\n6,7\n7,8\n'))
refused('units 0 and 1 stand at one place', 'a.npy', '--positions', save('twice.csv', b'0,0\n' * 35))
refused('a row a unit of 1 to 3', 'a.npy', '--positions', 'a.npy')
refused('matrix of 35 x 35', 'a.npy', *S, '--weights', 'a.npy')
refused("did you mean 'moran'", 'a.npy', *S, '--only', 'morn')
refused('2 arrays, acts, labels', 'a.npz', *S)
refused("no array is called 'act'; did you mean 'acts'", 'a.npz:act', *S)
refused('truncated', save('cut.npy', npy(X)[:-8]), *S)
refused('truncated', save('head.npy', npy(X)[:40]), *S)
refused('not an .npy file', save('text.npy', b'hello, this is text'), *S)
whole = open('a.npz', 'rb').read()
for k in (10, 900, len(whole) // 2, len(whole) - 30):
    refused('truncated', save('cut.npz', whole[:k]), *S)
refused('truncated', save('cut.safetensors', open('st.safetensors', 'rb').read()[:-9]), *S)
refused('x.csv:2: 2 numbers where the lines above have 3', save('x.csv', b'1,2,3\n4,5\n'), *S)
refused("x.csv:2: 'five' is no number", save('x.csv', b'1,2,3\n4,five,6\n'), *S)
refused("x.csv:1: '3.1.2' is no number", save('x.csv', b'1,2,3.1.2\n4,5,6\n'), *S)
refused('label 0 is no whole number of 64 bits', 'a.npy', *S, '--labels', save('u64.npy', npy([[2**63 + v for v in range(23)]], 'Q', shape=(N,))))
refused('--sheet -5x7: it is', 'a.npy', '--sheet=-5x7')
refused('cannot open no such.npy', 'no\nsuch.npy', *S)
for given, named in {'U1': "'<U1';", 'c16': "'<c16';", 'record': 'record;'}.items():
    head = npy(X).replace(b"'<f8'", b"[('a', '<f8')]" if given == 'record' else b"'<%s'" % given.encode(), 1)
    refused('of type ' + named, save('kind.npy', head), *S)
refused('cannot open missing.npy', 'missing.npy', *S)
refused('--labels is for files of activations', '.', '--labels', labels)
refused('--reference is for run folders', 'a.npy', *S, '--reference', 'control')

try:
    import numpy as np
except ImportError:
    np = None
if np is not None:
    a = np.array(X)
    np.save('n.npy', np.asfortranarray(a.astype('f2')))
    np.savez_compressed('n.npz', acts=a, labels=np.array(LABELS))
    assert measures('n.npy', *WHERE) == measures('n.npz:acts', '--sheet', '5x7', '--labels', 'n.npz:labels', *WHERE[4:]) == want
    r = np.corrcoef(a.T)[np.triu_indices(R * C, 1)]
    d = np.array([math.hypot(i // C - j // C, i % C - j % C) for i in range(R * C) for j in range(i + 1, R * C)])
    got = measures('n.npy', '--sheet', '5x7', '--only', 'alignment')['alignment', None]
    assert abs(got - np.corrcoef(r, 1 / (1 + d))[0, 1]) < 1e-10, got
print('1 passed, 0 failed')
