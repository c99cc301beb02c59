/** `--import` of a worker that runs TypeScript sources: tsx's own does nothing outside the main thread. */
import { register } from 'tsx/esm/api';

register();
