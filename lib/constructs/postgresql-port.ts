/** Where every database listens. */
export const POSTGRESQL_PORT = 5432;
