#!/usr/bin/env python3
"""The surroundings of the program: names of files, closed descriptors, what the environment says about
threads and instructions, several programs at once, outputs that are full. surroundings.py LOCALITY [CASE ...], with
LP_BENCH in the environment where that program is built."""
import json, os, random, re, shutil, signal, struct, subprocess, sys, tempfile, time

L, B = os.path.abspath(sys.argv[1]), os.environ.get('LP_BENCH')
folder = tempfile.mkdtemp(prefix='locality-surroundings-')
os.chdir(folder)
env = {k: v for k, v in os.environ.items() if not re.match('OMP_|GOMP_|LOCALITY_', k)}
env['LOCALITY_CACHE'] = folder + '/cache'
SMALL = ['--backend', 'cpu:threads=1', '--batch', '8']
ONE = ['experiment', 'mnist', '--data', 'idx:d', '--arms', 'control', '--no-report', '-q'] + SMALL


def digits(where, train, test):
    """A bright band a class, on noise."""
    os.makedirs(where)
    r = random.Random(1)
    for prefix, n in (('train', train), ('t10k', test)):
        images = b''.join(bytes((200 if j // 28 * 10 // 28 == i % 10 else 0) + r.randrange(50) for j in range(784)) for i in range(n))
        with open(f'{where}/{prefix}-images-idx3-ubyte', 'wb') as f: f.write(struct.pack('>4I', 0x803, n, 28, 28) + images)
        with open(f'{where}/{prefix}-labels-idx1-ubyte', 'wb') as f: f.write(struct.pack('>2I', 0x801, n) + bytes(i % 10 for i in range(n)))


def run(*command, **more):
    more.setdefault('env', env)
    return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=120, **more)


def expect(good, p, what):
    if not good: raise SystemExit(f'{what}: exit {p.returncode}: {p.stderr.decode(errors="replace")[-600:]}')


def one_line(p):
    return p.stderr.count(b'\n') == 1 and p.stderr.startswith(b'locality: ')


def names_that_are_not_utf8():
    """Refused before the first epoch, not known when the model is to be written: data, model, profile, run folder."""
    odd = os.fsdecode(b'don\351es')
    shutil.copytree('d', odd)
    for command in (['train', '--data', 'idx:' + odd, '-o', 'm.safetensors'], ['train', '--data', 'idx:d', '--json', '-o', odd + '.safetensors'],
                    ['train', '--data', 'idx:d', '-o', 'm.safetensors', '--profile', odd + '.json', '--json'],
                    ['experiment', 'mnist', '--data', 'idx:' + odd, '--out', 'new']):
        p = run(L, *command, '--epochs', '1', *SMALL)
        expect(p.returncode and one_line(p) and b'UTF-8' in p.stderr, p, command)
        assert not os.path.exists('m.safetensors') and not os.path.exists('new'), command
    name = 'données'  # UTF-8 serves, model and data
    os.rename(odd, name)
    p = run(L, 'train', '--data', 'idx:' + name, '--epochs', '1', '-o', name + '.safetensors', '--json', '-q', *SMALL)
    expect(p.returncode == 0 and json.loads(p.stdout)['model'] == name + '.safetensors', p, 'UTF-8')
    p = run(L, 'eval', name + '.safetensors', '--backend', 'cpu')
    expect(p.returncode == 0, p, 'eval')


def threads_of_the_environment():
    """What OpenMP is told about places must not leave one thread of several."""
    def threads(**more):
        p = run(L, 'devices', env=dict(env, **more))
        expect(p.returncode == 0, p, more)
        return re.search(rb'(\d+) threads?', p.stdout).group(1)
    cores = len(os.sched_getaffinity(0))
    assert int(threads()) == cores, (threads(), cores)
    for key, value in (('OMP_PROC_BIND', 'true'), ('OMP_PROC_BIND', 'close'), ('OMP_PROC_BIND', 'spread'), ('OMP_PLACES', 'cores'),
                       ('GOMP_CPU_AFFINITY', '0-%d' % (max(os.sched_getaffinity(0))))):
        assert int(threads(**{key: value})) == cores, (key, value, threads(**{key: value}))
    assert int(threads(OMP_NUM_THREADS='1', OMP_PROC_BIND='true')) == 1
    some = min(os.sched_getaffinity(0))  # fewer cores are fewer threads
    p = run(L, 'devices', preexec_fn=lambda: os.sched_setaffinity(0, {some}))
    assert int(re.search(rb'(\d+) threads?', p.stdout).group(1)) == 1, p.stdout


def closed_descriptors():
    """Messages and results do not land in the files that get the numbers 0 to 2."""
    for closed in ([0], [1], [2], [1, 2], [0, 2], [0, 1, 2]):
        out = 'closed' + ''.join(map(str, closed))
        def close():
            for fd in closed: os.close(fd)
        p = subprocess.run([L, 'experiment', 'mnist', '--data', 'idx:d', '--arms', 'control', '--epochs', '1', '--no-report', '--out', out] + SMALL,
                           env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=close, timeout=120)
        with open(out + '/metrics.jsonl') as f: lines = f.read().split('\n')
        assert lines.pop() == '' and all(json.loads(line)['arm'] == 'control' for line in lines), lines
        p = run(L, 'experiment', '--resume', out, '--no-report')
        expect(p.returncode == 0, p, f'resume of {out}')
        p = run(L, 'train', '--data', 'idx:d', '--epochs', '1', '-o', out + '.safetensors', *SMALL, preexec_fn=close) if closed == [0] else p
        expect(p.returncode == 0, p, 'train')


def another_instruction_set():
    """A run that goes on with other kernels is refused, and the folder stays as it was."""
    p = run(L, 'devices')
    if b'portable' in p.stdout: return print('skipped: this processor has the portable kernels only')
    p = subprocess.Popen([L] + ONE + ['--epochs', '400', '--checkpoint-seconds', '0', '--out', 'isa'], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for _ in range(1200):
        if os.path.exists('isa/metrics.jsonl') and b'"epoch":2,' in open('isa/metrics.jsonl', 'rb').read(): break
        time.sleep(0.05)
    p.send_signal(signal.SIGTERM)
    p.communicate()
    before = open('isa/metrics.jsonl', 'rb').read()
    p = run(L, 'experiment', '--resume', 'isa', env=dict(env, LOCALITY_CPU_ISA='portable'))
    expect(p.returncode == 1 and one_line(p) and b'portable' in p.stderr, p, 'another instruction set')
    m = json.load(open('isa/manifest.json'))  # a folder of 0.1 has the kernels in the device's name alone
    assert m['device']['name'].endswith(', ' + m['device'].pop('kernels'))
    json.dump(m, open('isa/manifest.json', 'w'))
    p = run(L, 'experiment', '--resume', 'isa', env=dict(env, LOCALITY_CPU_ISA='portable'))
    expect(p.returncode == 1 and one_line(p) and m['device']['name'].encode() in p.stderr, p, 'by its name')
    p = run(L, 'experiment', '--resume', 'isa', '--precision', 'bf16')
    expect(p.returncode == 1 and one_line(p) and b'precision' in p.stderr, p, 'another precision')
    assert open('isa/metrics.jsonl', 'rb').read() == before


def several_at_once():
    """Without --out each has a folder of its own."""
    shutil.rmtree('runs', ignore_errors=True)
    started = [subprocess.Popen([L] + ONE + ['--epochs', '1', '--seed', str(i)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for i in range(8)]
    said = []
    for p in started:
        out, error = p.communicate(timeout=240)
        assert p.returncode == 0, error
        said.append(out.decode().strip())
    assert sorted(said) == sorted('runs/' + n for n in os.listdir('runs')) and len(set(said)) == 8, (said, os.listdir('runs'))
    seeds = {json.load(open(d + '/manifest.json'))['seeds'][0] for d in said}
    assert seeds == set(range(8)), seeds
    # and a folder that is named belongs to one of them
    started = [subprocess.Popen([L] + ONE + ['--epochs', '1', '--out', 'same'], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for i in range(4)]
    codes = sorted((p.communicate(timeout=240), p.returncode)[1] for p in started)
    assert codes == [0, 1, 1, 1], codes


def full_output():
    """Results that cannot be written are an error of every command."""
    if not os.path.exists('/dev/full'): return print('skipped: no /dev/full')
    for command in ([L, 'devices'], [L, 'plugins'], [L, 'models'], [L, 'data', 'list'], [L, 'network', 'lenet'], [L, 'prior'], [L, '--help'],
                    [L, 'eval', 'full.safetensors', '--backend', 'cpu'], [L, 'devices', '--json'], [B, 'gemm', '--list']):
        if not command[0]: continue
        if 'eval' in command: run(L, 'train', '--data', 'idx:d', '--epochs', '1', '-o', 'full.safetensors', *SMALL)
        with open('/dev/full', 'wb') as full:
            p = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, timeout=120)
        expect(p.returncode == 1 and b'output' in p.stderr, p, command)


cases = [names_that_are_not_utf8, threads_of_the_environment, closed_descriptors, another_instruction_set, several_at_once, full_output]
try:
    digits('d', 60, 20)
    for case in cases:
        if len(sys.argv) > 2 and case.__name__ not in sys.argv[2:]: continue
        case()
        print('right:', case.__name__)
finally:
    os.chdir('/')
    shutil.rmtree(folder, ignore_errors=True)
