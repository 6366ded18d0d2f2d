#!/usr/bin/env python3
"""readme.py LOCALITY SOURCES: plugins/README.md has a section on every topology, cost, prior and penalty
of the library's own, with the parameters that are registered and their defaults; its maps are what the
program draws today."""
import json, os, re, subprocess, sys, tempfile

LOCALITY, plugins = sys.argv[1], os.path.join(sys.argv[2], 'plugins')
os.environ.pop('LOCALITY_PLUGIN_PATH', None)
KINDS = {'Topologies': 'topology', 'Wiring costs': 'cost', 'Priors': 'prior', 'Penalties': 'penalty'}

text = open(os.path.join(plugins, 'README.md')).read()
documented, common = {}, None
for chapter in re.split(r'^## ', text, flags=re.M)[1:]:
    kind = KINDS[chapter.split('\n', 1)[0]]
    head, *sections = re.split(r'^### ', chapter, flags=re.M)
    listed = lambda part: re.findall(r'^- `(\w+)` \((.*?)\): (.*)$', part, flags=re.M)
    if kind == 'penalty': common = listed(head)
    for section in sections:
        name = re.match(r'`(\w+)`\n', section)[1]
        assert (kind, name) not in documented, name
        documented[kind, name] = listed(section)
        figure = f'figures/{kind}-{name}.svg'
        assert f']({figure})' in section and os.path.getsize(os.path.join(plugins, figure)), figure
        assert re.search(r'^When: \S', section, flags=re.M) and re.search(r'^Cost: \S', section, flags=re.M), name


def default(p):
    return f'{p["default"]:g}' if isinstance(p['default'], float) else p['default'] or 'none'


entries = json.loads(subprocess.run([LOCALITY, 'plugins', '--json'], stdout=subprocess.PIPE, check=True).stdout)['entries']
registered = {(e['kind'], e['name']): [(p['name'], default(p), p['meaning']) for p in e['params']] for e in entries if e['kind'] in KINDS.values()}
assert len(registered) > 20
for key, params in registered.items():
    assert key in documented, f'plugins/README.md has no section on {key}'
    own = common + documented[key] if key[0] == 'penalty' else documented[key]
    assert own == params, (key, own, params)
assert documented.keys() == registered.keys(), documented.keys() - registered.keys()
kept = {f for f in os.listdir(os.path.join(plugins, 'figures'))}
assert kept == {f'{kind}-{name}.svg' for kind, name in registered}, kept

with tempfile.TemporaryDirectory() as t:
    subprocess.run([sys.executable, os.path.join(plugins, 'figures.py'), LOCALITY, t, '--maps'], check=True)
    drawn = os.listdir(t)
    assert len(drawn) == sum(kind != 'penalty' for kind, _ in registered)
    for name in drawn:
        assert open(os.path.join(t, name)).read() == open(os.path.join(plugins, 'figures', name)).read(), f'{name}: run ./dev figures'
