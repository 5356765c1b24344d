/**
 * Preloaded into every child of a local run. Children live in process groups of their own, so that Ctrl-C in a
 * terminal reaches the supervisor alone and it can stop them in order; when the supervisor is gone without a
 * word, its channel closes, and they end by themselves.
 */
process.once('disconnect', () => {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.exit(1), 40_000).unref();
});
