#!/usr/bin/env python3
"""tar.py LOCALITY: a run folder that came as one tar gives the analysis and the figures that the folder gives; what does not belong into
one is refused in one line, and nothing is left."""
import io, json, os, shutil, struct, subprocess, sys, tarfile, tempfile

L = os.path.abspath(sys.argv[1])
os.chdir(tempfile.mkdtemp(prefix='locality-tar-'))
os.environ['LOCALITY_CACHE'] = os.path.abspath('cache')


def run(*words):
    return subprocess.run([L, *words], capture_output=True, timeout=240, text=True)


def good(*words):
    p = run(*words)
    assert p.returncode == 0, (words, p.stderr)
    return p.stdout


def files(folder):
    return {os.path.relpath(os.path.join(d, f), folder): open(os.path.join(d, f), 'rb').read() for d, _, names in os.walk(folder) for f in names}


def refused(part, *words):
    before = sorted(files('.'))
    p = run(*words)
    assert p.returncode and p.stderr.count('\n') == 1 and part in p.stderr and not p.stdout, (part, words, p.stderr)
    assert sorted(files('.')) == before and sorted(os.listdir('.')) == sorted({f.split('/')[0] for f in before} | EMPTY), part


EMPTY = set()
for arm in ('a', 'b'):
    for seed in (1, 2, 3):
        rows = '\n'.join(','.join(str((7 * i * seed + 3 * k * k + 5 * (arm == 'b') * (k // 7)) % 23) for k in range(35)) for i in range(12))
        open('acts.csv', 'w').write(rows)
        open('y.csv', 'w').write('\n'.join(str(i % 3) for i in range(12)))
        good('import', 'runs/one', '--arm', arm, '--seed', str(seed), '--site', 's=acts.csv:5x7', '--labels', 'y.csv')
good('analyze', 'runs/one')
good('report', 'runs/one')
whole = files('runs/one')


def pack(name, mode, prefix, leave_out=(), more=()):
    with tarfile.open(name, mode) as t:
        for path in sorted(whole):
            if not any(path.startswith(p) for p in leave_out): t.add('runs/one/' + path, prefix + path)
        for member, data in more:
            if isinstance(member, str): member = tarfile.TarInfo(member)
            if data is not None: member.size = len(data)
            t.addfile(member, io.BytesIO(data) if data is not None else None)
    return name


def same(folder, but=()):
    now = files(folder)
    assert sorted(now) == sorted(whole), (sorted(set(whole) ^ set(now)))
    for path in whole:
        if path not in but: assert now[path] == whole[path], path


# With everything, under any name, compressed or not; without what can be made again.
good('report', '--from', pack('all.tar', 'w', 'some/where/'), '--out', 'deep/all')
same('deep/all')
os.mkdir('empty')
good('report', '--from', pack('all.tar.gz', 'w:gz', './', ['figures/', 'report.html', 'summary.json', 'images.csv', 'networks.csv', 'nulls.csv', 'comparisons.csv']), '--out', 'empty/')
same('empty')
assert json.loads(good('analyze', '--from', 'all.tar.gz', '--out', 'again', '--json')) == json.loads(whole['summary.json'])
# Scripts are not taken: gnuplot would run what they say.
evil = pack('evil.tar', 'w', '', ['figures/', 'report.html'], [('figures/maps_s.gp', b"system('touch ran')\nprint 1\n"), ('figures/style.gp', b"system('touch ran')\n"),
                                                             ('models/x.sh', b'#'), ('activations/deeper/x.safetensors', b'0')])
good('report', '--from', evil, '--out', 'evil')
same('evil')
assert not os.path.exists('evil/figures/ran') and not os.path.exists('ran')
# Without activations: what the summary says is there, maps are not.
good('report', '--from', pack('few.tar', 'w', 'one/', ['activations/', 'figures/', 'report.html']), '--out', 'few')
page = open('few/report.html').read()
assert 'there are no activations' in page and 'Verdicts' in page and os.path.exists('few/figures/differences.csv') and not os.path.exists('few/figures/maps_s.csv')
assert open('few/figures/variance.csv', 'rb').read() == whole['figures/variance.csv']

for name in ('../out.json', '/tmp/out.json', 'one/../../out.csv', 'one/..'):
    refused('leads out of the folder', 'report', '--from', pack('bad.tar', 'w', 'one/', more=[(name, b'{}')]), '--out', 'new')
for kind, target in ((tarfile.SYMTYPE, '/etc/passwd'), (tarfile.LNKTYPE, 'one/manifest.json'), (tarfile.CHRTYPE, '')):
    link = tarfile.TarInfo('one/activations/a-seed1-untrained.safetensors')
    link.type, link.linkname = kind, target
    refused('is a link or a device', 'report', '--from', pack('bad.tar', 'w', 'one/', more=[(link, None)]), '--out', 'new')
large = tarfile.TarInfo('one/activations/c-seed1.safetensors')
large.size = 1 << 50
with open('large.tar', 'wb') as f: f.write(large.tobuf() + bytes(4096))
refused('1125899906842624 bytes: more than', 'report', '--from', 'large.tar', '--out', 'new')
refused('is there twice', 'report', '--from', pack('bad.tar', 'w', 'one/', more=[('one/summary.json', b'{}')]), '--out', 'new')
refused('is a second one', 'report', '--from', pack('bad.tar', 'w', 'one/', more=[('two/manifest.json', b'{}')]), '--out', 'new')
refused('manifest.json is not in it', 'report', '--from', pack('bad.tar', 'w', '', ['manifest.json']), '--out', 'new')
refused('bad.tar: new', 'report', '--from', pack('bad.tar', 'w', '', ['manifest.json'], [('manifest.json', b'{"schema": 2}')]), '--out', 'new')
packed = open('all.tar.gz', 'rb').read()
open('cut.tar.gz', 'wb').write(packed[:len(packed) // 2])
refused('no whole .tar or .tar.gz', 'analyze', '--from', 'cut.tar.gz', '--out', 'new')
open('text.tar', 'w').write('hello\n' * 1000)
refused('no whole .tar or .tar.gz', 'report', '--from', 'text.tar', '--out', 'new')
refused('missing.tar', 'report', '--from', 'missing.tar', '--out', 'new')
refused('all is not empty', 'report', '--from', 'all.tar', '--out', 'deep/all')
refused('go together', 'report', '--from', 'all.tar')
refused('go together', 'analyze', 'again', '--out', 'new')
refused('what is again for', 'report', 'again', '--from', 'all.tar', '--out', 'new')
refused('missing argument', 'report')
shutil.rmtree(os.getcwd())
print('1 passed, 0 failed')
