// The player of the report's film: maps on canvases, curves as SVG, all from the data in the page.
(function () {
  'use strict';
  var film = JSON.parse(document.getElementById('film-data').textContent);
  var player = document.getElementById('film-player'), at = document.getElementById('film-at');
  var now = document.getElementById('film-now'), play = document.getElementById('film-play');
  var choice = document.getElementById('film-class'), timer = null;
  var colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8c6d31', '#888888'];
  var viridis = [[68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137], [53, 183, 121],
    [110, 206, 88], [181, 222, 43], [253, 231, 37]];
  var epochs = [];

  film.arms.forEach(function (arm) {
    arm.frames.forEach(function (f) {
      if (epochs.indexOf(f.epoch) < 0) epochs.push(f.epoch);
      f.bytes = Uint8Array.from(atob(f.maps), function (c) { return c.charCodeAt(0); });
    });
  });
  epochs.sort(function (a, b) { return a - b; });
  at.max = epochs.length - 1;
  film.classes.forEach(function (name, k) { choice.add(new Option(name, k)); });

  function colour(t) {
    var x = t / 255 * (viridis.length - 1), k = Math.min(Math.floor(x), viridis.length - 2), r = x - k;
    return viridis[k].map(function (c, i) { return Math.round(c + r * (viridis[k + 1][i] - c)); });
  }
  // The last frame of an arm up to an epoch; a network may have ended before.
  function frame(arm, epoch) {
    var found = null;
    arm.frames.forEach(function (f) { if (f.epoch <= epoch) found = f; });
    return found;
  }
  function text(v) { return v === null ? '–' : v.toFixed(Math.abs(v) < 1 ? 3 : 2).replace('-', '−'); }

  var maps = document.getElementById('film-maps');
  film.arms.forEach(function (arm) {
    var box = document.createElement('figure'), title = document.createElement('figcaption');
    arm.canvas = document.createElement('canvas');
    arm.canvas.width = arm.cols;
    arm.canvas.height = arm.rows;
    arm.canvas.setAttribute('role', 'img');
    arm.canvas.style.width = Math.max(96, Math.min(168, arm.cols * 24)) + 'px';
    arm.caption = title;
    box.appendChild(arm.canvas);
    box.appendChild(title);
    maps.appendChild(box);
  });

  // Curves over epochs: V, and Moran's I, with a line at the epoch that is shown.
  var svg = 'http://www.w3.org/2000/svg', marks = [];
  function make(parent, name, values) {
    var e = document.createElementNS(svg, name);
    Object.keys(values).forEach(function (k) { e.setAttribute(k, values[k]); });
    parent.appendChild(e);
    return e;
  }
  function word(parent, x, y, s, anchor) {
    make(parent, 'text', {x: x, y: y, 'text-anchor': anchor, fill: 'currentColor', 'font-size': 12}).textContent = s;
  }
  [['v', 'spatial variance V, spacings²'], ['i', 'Moran’s I']].forEach(function (what) {
    var low = Infinity, high = -Infinity, last = epochs[epochs.length - 1] || 1;
    film.arms.forEach(function (arm) {
      arm.frames.forEach(function (f) {
        if (f[what[0]] === null) return;
        low = Math.min(low, f[what[0]]);
        high = Math.max(high, f[what[0]]);
      });
    });
    if (!(low < Infinity)) return;
    if (high === low) { low -= 1; high += 1; }
    var box = make(document.getElementById('film-curves'), 'svg',
      {viewBox: '0 0 480 190', role: 'img', 'aria-label': what[1] + ' over epochs, from ' + text(low) + ' to ' + text(high)});
    function x(e) { return 58 + 408 * e / last; }
    function y(v) { return 150 - 118 * (v - low) / (high - low); }
    word(box, 58, 16, what[1], 'start');
    word(box, 50, y(high) + 4, text(high), 'end');
    word(box, 50, y(low) + 4, text(low), 'end');
    word(box, 58, 172, '0', 'middle');
    word(box, 466, 172, 'epoch ' + last, 'end');
    make(box, 'path', {d: 'M58 26V154H466', fill: 'none', stroke: 'currentColor'});
    film.arms.forEach(function (arm, k) {
      var shown = arm.frames.filter(function (f) { return f[what[0]] !== null; });
      make(box, 'polyline', {points: shown.map(function (f) { return x(f.epoch) + ',' + y(f[what[0]]); }).join(' '),
        fill: 'none', stroke: colours[k % 8], 'stroke-width': 2, 'stroke-dasharray': k < 8 ? 'none' : '6 3'});
    });
    marks.push([make(box, 'path', {stroke: 'currentColor', 'stroke-dasharray': '3 3'}), x]);
  });

  function draw() {
    var epoch = epochs[+at.value], which = +choice.value;
    now.textContent = epoch === 0 ? 'before training' : 'after epoch ' + epoch;
    at.setAttribute('aria-valuetext', now.textContent);
    marks.forEach(function (m) { m[0].setAttribute('d', 'M' + m[1](epoch) + ' 26V154'); });
    film.arms.forEach(function (arm, k) {
      var f = frame(arm, epoch), units = arm.rows * arm.cols, draw2d = arm.canvas.getContext('2d');
      var image = draw2d.createImageData(arm.cols, arm.rows);
      for (var u = 0; f && u < units; u++) {
        var c = colour(f.bytes[which * units + u]);
        image.data.set([c[0], c[1], c[2], 255], 4 * u);
      }
      draw2d.putImageData(image, 0, 0);
      var said = f ? 'V ' + text(f.v) + ', I ' + text(f.i) : 'no frame';
      arm.caption.textContent = arm.name + ': ' + said;
      arm.caption.style.borderLeft = '4px solid ' + colours[k % 8];
      arm.canvas.setAttribute('aria-label', arm.name + ', class ' + film.classes[which] + ', ' + now.textContent + ': ' + said);
    });
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = 'Play';
  }
  function toggle() {
    if (timer) return stop();
    if (+at.value === epochs.length - 1) at.value = 0;
    draw();
    play.textContent = 'Pause';
    timer = setInterval(function () {
      if (+at.value >= epochs.length - 1) return stop();
      at.value = +at.value + 1;
      draw();
    }, 600);
  }
  at.addEventListener('input', function () { stop(); draw(); });
  choice.addEventListener('change', draw);
  play.addEventListener('click', toggle);
  player.addEventListener('keydown', function (e) {
    var last = epochs.length - 1, v = +at.value;
    var to = {ArrowRight: v + 1, ArrowLeft: v - 1, Home: 0, End: last}[e.key];
    if (e.target === choice) return;
    if (e.key === ' ' && e.target !== play) toggle();
    else if (to !== undefined) { stop(); at.value = Math.max(0, Math.min(last, to)); draw(); }
    else return;
    e.preventDefault();
  });
  draw();
})();
