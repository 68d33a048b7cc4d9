/** What draws the charts of a backtest's page in the reader's browser: uPlot with bands, lines and marks. Text only. */
export const BACKTEST_SCRIPT = `
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = () => ({ stroke: colour('--ink'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line') } });
  const widthOf = element => Math.max(320, element.clientWidth);

  function dates(chart, splits) {
    const span = splits.length > 1 ? splits[1] - splits[0] : 86400;
    return splits.map(at => {
      const iso = new Date(at * 1000).toISOString();
      return span >= 86400 ? iso.slice(0, 10) : iso.slice(5, 16).replace('T', ' ');
    });
  }

  function bands(chart) {
    const { ctx, bbox } = chart;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const { from, to } of data.episodes) {
      const left = chart.valToPos(from / 1000, 'x', true);
      const right = chart.valToPos(to / 1000, 'x', true);
      ctx.fillStyle = colour('--band');
      ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
      ctx.fillStyle = colour('--red');
      ctx.fillRect(left, bbox.top, 1.5, bbox.height);
    }
    ctx.fillStyle = colour('--blue');
    for (const { at } of data.actions) ctx.fillRect(chart.valToPos(at / 1000, 'x', true) - 1, bbox.top, 2.5, bbox.height);
    ctx.restore();
  }

  function lines(thresholds) {
    return chart => {
      const { ctx, bbox } = chart;
      ctx.save();
      ctx.strokeStyle = colour('--amber');
      ctx.lineWidth = 2;
      ctx.setLineDash([7, 5]);
      for (const threshold of thresholds) {
        const y = chart.valToPos(threshold, 'y', true);
        if (y < bbox.top || y > bbox.top + bbox.height) continue;
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
      }
      ctx.restore();
    };
  }

  function range(thresholds) {
    return (chart, low, high) => {
      const known = [...thresholds, low, high].filter(one => Number.isFinite(one));
      const [least, most] = [Math.min(...known), Math.max(...known)];
      const space = (most - least || Math.abs(most) || 1) * 0.08;
      return [least - space, most + space];
    };
  }

  for (const element of document.querySelectorAll('[data-series]')) {
    const series = data.series[Number(element.dataset.series)];
    const chart = new uPlot({
      width: widthOf(element),
      height: 260,
      cursor: { drag: { x: true, y: false } },
      tzDate: at => uPlot.tzDate(new Date(at * 1000), 'UTC'),
      scales: { y: { range: range(series.thresholds) } },
      axes: [{ ...axis(), values: dates }, axis()],
      series: [{ label: 'UTC', value: '{YYYY}-{MM}-{DD} {HH}:{mm}' }, { label: series.name, stroke: colour('--ink'), width: 1.5, points: { size: 4 } }],
      hooks: { drawClear: [bands], draw: [lines(series.thresholds)] },
    }, [series.at.map(at => at / 1000), series.values], element);
    addEventListener('resize', () => chart.setSize({ width: widthOf(element), height: 260 }));
  }

  const sweep = document.querySelector('[data-sweep]');
  if (sweep && data.sweep) {
    const knee = data.sweep.filter(one => one.knee).map(one => one.value);
    const mark = chart => {
      const { ctx, bbox } = chart;
      ctx.save();
      ctx.fillStyle = colour('--amber');
      for (const value of knee) ctx.fillRect(chart.valToPos(value, 'x', true) - 1.5, bbox.top, 3, bbox.height);
      ctx.restore();
    };
    const chart = new uPlot({
      width: widthOf(sweep),
      height: 240,
      scales: { x: { time: false }, y: { range: (_, low, high) => [0, Math.max(1, high * 1.1)] } },
      axes: [axis(), axis()],
      series: [
        { label: data.sweepName },
        { label: 'episodes', stroke: colour('--red'), width: 2, points: { size: 6 } },
        { label: 'actions', stroke: colour('--blue'), width: 2, points: { size: 6 } },
        { label: 'days firing', stroke: colour('--amber'), width: 2, points: { size: 6 } },
      ],
      hooks: { drawClear: [mark] },
    }, [data.sweep.map(one => one.value), data.sweep.map(one => one.episodes), data.sweep.map(one => one.actions), data.sweep.map(one => one.firingDays)], sweep);
    addEventListener('resize', () => chart.setSize({ width: widthOf(sweep), height: 240 }));
  }
})();
`;
