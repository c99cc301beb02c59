/** Light or dark: the reader's system decides until they do. */
export type ThemeName = 'light' | 'dark';

class Theme {
  name = $state<ThemeName>(document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light');

  constructor() {
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', ({ matches }) => {
      if (readChoice() === null) this.#show(matches ? 'dark' : 'light');
    });
  }

  toggle(): void {
    const next = this.name === 'dark' ? 'light' : 'dark';
    try {
      localStorage.setItem('unrolled-theme', next);
    } catch {
      // A page that may keep nothing is light or dark until it is closed.
    }
    this.#show(next);
  }

  #show(name: ThemeName): void {
    this.name = name;
    document.documentElement.dataset.theme = name;
  }
}

function readChoice(): string | null {
  try {
    return localStorage.getItem('unrolled-theme');
  } catch {
    return null;
  }
}

export const theme = new Theme();
