/*
 * The clock of the item under discussion, between two answers of the server. Enhancement only: without it the page shows what the
 * server counted when it was drawn.
 *
 *   data-spent="252"   seconds that the server has counted; ticks on from there
 */
(() => {
  'use strict';
  const begun = new WeakMap();

  const words = (seconds) => {
    const h = Math.floor(seconds / 3600), m = Math.floor((seconds % 3600) / 60), s = seconds % 60;
    const two = h ? [[h, 'h'], [m, 'min']] : m ? [[m, 'min'], [s, 's']] : [[s, 's']];
    return two.filter(([n], i) => n || (!i && two.length === 1)).map(([n, unit]) => `${n} ${unit}`).join(' ');
  };

  const tick = () => {
    document.querySelectorAll('[data-spent]').forEach((el) => {
      if (!begun.has(el)) begun.set(el, performance.now());
      el.textContent = words(Number(el.dataset.spent) + Math.floor((performance.now() - begun.get(el)) / 1000));
    });
  };
  tick();
  setInterval(tick, 1000);
})();
