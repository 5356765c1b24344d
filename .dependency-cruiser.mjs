/** The import rules, stated once; `docs/architecture.md` explains them. */
const awsOrDatabase = '^node_modules/(@aws-sdk|@smithy|pg|pg-copy-streams|@types/pg)(/|$)';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'units-import-nothing',
      severity: 'error',
      from: { path: '^src/units/' },
      to: { pathNot: '^src/units/' },
    },
    {
      name: 'events-import-units-only',
      severity: 'error',
      from: { path: '^src/events/' },
      to: { pathNot: '^src/(events|units)/' },
    },
    {
      name: 'book-imports-units-and-events-only',
      severity: 'error',
      from: { path: '^src/book/' },
      to: { pathNot: '^src/(book|events|units)/' },
    },
    {
      name: 'venues-stay-low',
      comment:
        'A venue is one folder and one registration; it knows nothing of storage, streams or the tape.',
      severity: 'error',
      from: { path: '^src/venues/' },
      to: { path: '^src/(storage|stream|archive|tape|catalogue)/' },
    },
    {
      name: 'venues-do-not-know-each-other',
      severity: 'error',
      from: { path: '^src/venues/([^/]+)/' },
      to: { path: '^src/venues/[^/]+/', pathNot: '^src/venues/$1/' },
    },
    {
      name: 'domain-imports-no-aws-and-no-database',
      severity: 'error',
      from: {
        path: '^src/(units|events|book|venues|continuity|capture|connections|registry|recording|replay|tape|truth|config|http)/',
      },
      to: { path: awsOrDatabase },
    },
    {
      name: 'storage-and-stream-apart',
      severity: 'error',
      from: { path: '^src/storage/' },
      to: { path: '^src/stream/' },
    },
    {
      name: 'stream-and-storage-apart',
      severity: 'error',
      from: { path: '^src/stream/' },
      to: { path: '^src/storage/' },
    },
    {
      name: 'src-imports-src-only',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(bin|lib|lambdas|containers|cli|local|sim|test|bench|faults|scale)/' },
    },
    {
      name: 'nothing-imports-the-bench',
      severity: 'error',
      from: { pathNot: '^(bench|scale|scripts|test)/' },
      to: { path: '^bench/' },
    },
    {
      name: 'nothing-imports-the-faults',
      comment: 'What makes parts fail stands outside of them, and starts them as they are.',
      severity: 'error',
      from: { pathNot: '^(faults|test)/' },
      to: { path: '^faults/' },
    },
    {
      name: 'nothing-imports-the-scale-runs',
      severity: 'error',
      from: { pathNot: '^(scale|test)/' },
      to: { path: '^scale/' },
    },
    {
      name: 'runtimes-do-not-import-each-other',
      comment: 'local starts what the others export; it names their modules by path.',
      severity: 'error',
      from: { path: '^(lambdas|containers|sim)/' },
      to: { path: '^(bin|lib|cli|local|sim|lambdas|containers)/', pathNot: ['^$1/'] },
    },
    {
      name: 'cli-knows-the-local-run-only',
      comment: 'docs/decisions/0006: one command for the user; everything else it starts as a process.',
      severity: 'error',
      from: { path: '^cli/' },
      to: { path: '^(bin|lib|lambdas|containers|sim|test)/' },
    },
    {
      name: 'local-starts-and-imports-nothing',
      severity: 'error',
      from: { path: '^local/' },
      to: { path: '^(bin|lib|lambdas|containers|cli|sim|test)/' },
    },
    {
      name: 'infrastructure-imports-contracts-only',
      severity: 'error',
      from: { path: '^(bin|lib)/' },
      to: { path: '^(lambdas|containers)/', pathNot: '/contract\\.ts$' },
    },
    {
      name: 'infrastructure-is-not-imported',
      severity: 'error',
      from: { path: '^(src|lambdas|containers|cli|sim)/' },
      to: { path: '^(bin|lib)/' },
    },
    {
      name: 'library-imports-src-only',
      severity: 'error',
      from: { path: '^library/' },
      to: { path: '^(bin|lib|lambdas|containers|cli|local|sim|test|bench|faults|examples)/' },
    },
    {
      name: 'examples-use-the-package-by-its-name',
      comment: 'They show what a program of a user can do.',
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^(src|bin|lib|lambdas|containers|cli|local|sim|test|bench|faults)/' },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
