/** The page's address holds its state: `#/explore?cell=lstm&text=hello`. A link to it shows the same. */

export const pages = ['explore', 'train', 'watch', 'try'] as const;
export type PageName = (typeof pages)[number];

export interface Route {
  readonly page: PageName;
  readonly params: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?');
  const page = pages.find((known) => known === path) ?? 'explore';
  return { page, params: new URLSearchParams(query) };
}

export function formatRoute(page: PageName, params: URLSearchParams): string {
  const query = params.toString();
  return `#/${page}${query === '' ? '' : `?${query}`}`;
}

class CurrentRoute {
  page = $state<PageName>('explore');
  /** Counts navigations that the page itself did not make: links, back and forward. */
  visit = $state(0);
  params = new URLSearchParams();
  /** The last address of each page, so that a tab leads back to what it showed. */
  readonly #last = new Map<PageName, string>();

  constructor() {
    this.#read();
    addEventListener('hashchange', () => this.#read());
  }

  hrefOf(page: PageName): string {
    return page === this.page ? formatRoute(page, this.params) : (this.#last.get(page) ?? formatRoute(page, new URLSearchParams()));
  }

  /** What the page shows now, without a step in the history. */
  replace(params: URLSearchParams): void {
    const address = formatRoute(this.page, params);
    this.params = params;
    this.#last.set(this.page, address);
    if (address !== location.hash) history.replaceState(null, '', address);
  }

  #read(): void {
    const { page, params } = parseRoute(location.hash);
    this.page = page;
    this.params = params;
    this.#last.set(page, formatRoute(page, params));
    this.visit += 1;
  }
}

export const route = new CurrentRoute();
