#!/usr/bin/env python3
"""Kills and resumes: kills.py LOCALITY [KILLS] [SEED]. An experiment is killed KILLS times (SIGINT,
SIGTERM, SIGKILL in turn of chance, at random moments) and resumed; then its folder must be that of an
undisturbed run to the bit, and no temporary file may be left. A second run meets a disk that is full
for a moment (full.c, preloaded, when LP_FULL names it). A prune with fine-tuning is killed in the same
way, and given again."""
import json, os, random, shutil, signal, struct, subprocess, sys, tempfile, time

program, kills, seed = os.path.abspath(sys.argv[1]), int((sys.argv + [''])[2] or 6), int((sys.argv + ['', ''])[3] or 1)
rng = random.Random(seed)
folder = tempfile.mkdtemp(prefix='locality-kills-')
os.chdir(folder)
env = dict(os.environ, LOCALITY_CACHE=folder + '/cache')
arguments = ['--arms', 'control,linear', '--seeds', '2', '--epochs', '6', '--batch', '16', '--jobs', '2', '--data',
             'idx:data', '--backend', 'cpu:threads=1', '--checkpoint-seconds', '0', '--quiet']


def make_data():
    os.mkdir('data')
    for prefix, n in (('train', 800), ('t10k', 100)):
        pixels = bytes(rng.randrange(256) for _ in range(784))
        images = b''.join(pixels[i % 784:] + pixels[:i % 784] for i in range(n))
        with open(f'data/{prefix}-images-idx3-ubyte', 'wb') as f: f.write(struct.pack('>IIII', 0x803, n, 28, 28) + images)
        with open(f'data/{prefix}-labels-idx1-ubyte', 'wb') as f: f.write(struct.pack('>II', 0x801, n) + bytes(i % 10 for i in range(n)))


def command(run):
    go_on = os.path.exists(run + '/manifest.json')
    return [program, 'experiment'] + (['--resume', run, '--quiet'] if go_on else ['mnist', '--out', run] + arguments)


def lines(run):
    """Lines of metrics.jsonl but for their times, in the order of each network; a broken one is an error."""
    out = []
    with open(run + '/metrics.jsonl') as f:
        for line in f:
            o = json.loads(line)
            o.pop('seconds', None)
            out.append(o)
    return sorted(out, key=lambda o: (o['arm'], o['seed']))


def compare(run):
    for sub in ('models', 'activations'):
        names = sorted(os.listdir('whole/' + sub))
        assert sorted(os.listdir(f'{run}/{sub}')) == names and len(names) == {'models': 4, 'activations': 8}[sub], (sub, os.listdir(f'{run}/{sub}'))
        for name in names:
            with open(f'whole/{sub}/{name}', 'rb') as a, open(f'{run}/{sub}/{name}', 'rb') as b:
                assert a.read() == b.read(), f'{run}/{sub}/{name} differs'
    assert lines('whole') == lines(run), 'metrics.jsonl differs'
    left = [os.path.join(d, f) for d, _, files in os.walk('.') for f in files if f.endswith('.tmp')]
    left += [f for f in os.listdir('.') if f.startswith('.' + run)] + os.listdir(run + '/checkpoints')
    assert not left, f'left behind: {left}'


def killed():
    begin = time.monotonic()
    subprocess.run(command('whole'), check=True, env=env, stdout=subprocess.DEVNULL)
    usual = time.monotonic() - begin
    how, done = {}, 0
    while done < kills:
        p = subprocess.Popen(command('killed'), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # Short lives: as many fit into one run as are asked for, and some end while it starts or ends.
        try:
            error = p.communicate(timeout=rng.uniform(0, 2.5 * usual / max(kills, 4) + 0.15))[1]
            if p.returncode == 0:  # over too early: once more
                compare('killed')
                shutil.rmtree('killed')
                continue
            raise SystemExit(f'exit {p.returncode} without a kill: {error}')
        except subprocess.TimeoutExpired:
            number = rng.choice((signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
            p.send_signal(number)
            error = p.communicate()[1]
            how[number.name] = how.get(number.name, 0) + 1
            done += 1
    subprocess.run(command('killed'), check=True, env=env, stdout=subprocess.DEVNULL)
    compare('killed')
    print(f'{kills} kills {how}: the same to the bit, nothing left')


def folder_of(name):
    """Contents of all files of a folder, by name."""
    out = {}
    for d, _, files in os.walk(name):
        for f in files:
            with open(os.path.join(d, f), 'rb') as file: out[os.path.relpath(os.path.join(d, f), name)] = file.read()
    return out


def pruned():
    prune = [program, 'prune', 'whole', '--rank', 'w,random', '--keep', '0.3,0.1', '--finetune', '1', '--quiet', '--out']
    run = lambda name, **more: subprocess.run(prune + [name], env=env, capture_output=True, text=True, **more)
    begin = time.monotonic()
    assert run('cut').returncode == 0
    usual = time.monotonic() - begin
    undisturbed, went_on, done = folder_of('cut'), 0, 0
    assert len(undisturbed) == 2 + 4 * 2 * 2, sorted(undisturbed)

    def finished():
        try:
            with open('.torn.unfinished/unfinished.json') as f: return len(json.load(f)['rows'])
        except FileNotFoundError: return 0

    while done < kills or not went_on:
        before = finished()
        p = subprocess.Popen(prune + ['torn'], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            error = p.communicate(timeout=rng.uniform(0, usual))[1]
            assert p.returncode == 0, error
            went_on += before > 0
            assert folder_of('torn') == undisturbed, 'torn differs'
            shutil.rmtree('torn')
        except subprocess.TimeoutExpired:
            p.send_signal(rng.choice((signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGKILL)))
            error = p.communicate()[1]
            done += 1
            if os.path.exists('torn'): shutil.rmtree('torn')  # it was over just then
            else: assert finished() >= before, error
    while not finished():
        p = subprocess.Popen(prune + ['torn'], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while p.poll() is None and not finished(): time.sleep(0.002)
        p.kill()
        p.wait()
        if os.path.exists('torn'): shutil.rmtree('torn')
    # Other options, or other networks, are another command, which leaves what is there alone.
    other = subprocess.run([program, 'prune', 'whole', '--keep', '0.4', '--quiet', '--out', 'torn'], env=env, capture_output=True, text=True)
    assert other.returncode == 1 and 'repeat that command' in other.stderr and other.stderr.count('\n') == 1, other.stderr
    assert finished() and run('torn').returncode == 0 and folder_of('torn') == undisturbed
    left = [f for f in os.listdir('.') if f.startswith('.torn') or f.startswith('.cut')]
    assert not left, f'left behind: {left}'
    print(f'prune: {done} kills, the same to the bit, nothing left')


def full_disk(library):
    """Writes to metrics.jsonl stop half way for a while, then go on."""
    library = shutil.copy(library, os.path.join(os.getcwd(), 'full.so'))  # LD_PRELOAD parts paths at blanks
    for after in (200, 1500):
        own = dict(env, LD_PRELOAD=library, LP_FULL_AFTER=str(after), LP_FULL_TIMES='3')
        first = subprocess.run(command('full'), env=own, capture_output=True, text=True)
        assert first.returncode == 1 and ' failed' in first.stderr, (first.returncode, first.stderr)
        for line in open('full/metrics.jsonl'): json.loads(line)
        subprocess.run(command('full'), check=True, env=env, stdout=subprocess.DEVNULL)
        compare('full')
        shutil.rmtree('full')
    print('a disk that is full for a moment: the same to the bit')


try:
    make_data()
    killed()
    pruned()
    if os.environ.get('LP_FULL'): full_disk(os.environ['LP_FULL'])
finally:
    os.chdir('/')
    shutil.rmtree(folder, ignore_errors=True)
