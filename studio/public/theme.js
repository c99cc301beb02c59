// Before the first paint, so that a dark page never flashes white.
try {
  const chosen = localStorage.getItem('unrolled-theme');
  const isDark = chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
} catch {
  document.documentElement.dataset.theme = 'light';
}
