import { readdirSync, readFileSync } from 'node:fs';
import { CfnNamedQuery, type CfnWorkGroup } from 'aws-cdk-lib/aws-athena';
import type { CfnDatabase } from 'aws-cdk-lib/aws-glue';
import { Construct } from 'constructs';
import { projectFile } from '../project-files.ts';

const FOLDER = 'lib/athena';

export interface SavedQuery {
  /** File name without its ending. */
  readonly name: string;
  /** The comment of the first line. */
  readonly description: string;
  readonly text: string;
}

/**
 * The queries of `lib/athena`, by name.
 * @throws Error when a file does not begin with a comment that says what it gives.
 */
export function savedQueries(): readonly SavedQuery[] {
  return readdirSync(projectFile(FOLDER))
    .sort()
    .map((file) => {
      const text = readFileSync(projectFile(`${FOLDER}/${file}`), 'utf8');
      const description = /^-- (.+)\n/.exec(text)?.[1];
      if (description === undefined)
        throw new Error(`${FOLDER}/${file}: expected a comment in the first line`);
      return { name: file.replace(/\.sql$/, ''), description, text };
    });
}

/** Queries to begin with, in the workgroup. */
export class SavedQueries extends Construct {
  constructor(scope: Construct, id: string, database: CfnDatabase, workgroup: CfnWorkGroup) {
    super(scope, id);
    for (const { name, description, text } of savedQueries()) {
      new CfnNamedQuery(this, name, {
        name,
        description,
        queryString: text,
        database: database.ref,
        workGroup: workgroup.ref,
      });
    }
  }
}
