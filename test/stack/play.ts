// npm run play: works on the playground of `npm run demo -- --keep`.
import { readFile } from 'node:fs/promises';
import { DeleteItemCommand, ListTablesCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { marshall } from '@aws-sdk/util-dynamodb';
import { nearest } from '../../formats/nearest.ts';
import { logAsShown, runAction } from './action-run.ts';
import { connect } from './clients.ts';
import { createTable } from './tables.ts';
import { PLAYGROUND_FILE, type Playground } from './playground.ts';

/** A sentence for the user, without a stack trace. */
class Wrong extends Error {}

interface Command {
  /** Its arguments, as the help shows them. */
  readonly form: string;
  readonly about: string;
  readonly run: (playground: Playground, args: readonly string[]) => Promise<void>;
}

const OPERATIONS = ['deploy', 'refresh-mapping', 'rollback', 'backfill', 'verify', 'redrive', 'reindex'];

const COMMANDS: Readonly<Record<string, Command>> = {
  put: {
    form: '<table> <item as JSON>',
    about: 'writes an item',
    run: async ({ addresses }, [table = '', item = '']) => {
      await connect(addresses).dynamodb.send(new PutItemCommand({ TableName: table, Item: marshall(json(item)) }));
      console.log('The item is written.');
    },
  },
  delete: {
    form: '<table> <key as JSON>',
    about: 'deletes an item',
    run: async ({ addresses }, [table = '', key = '']) => {
      await connect(addresses).dynamodb.send(new DeleteItemCommand({ TableName: table, Key: marshall(json(key)) }));
      console.log('The item is deleted.');
    },
  },
  search: {
    form: '<table> [query]',
    about: "searches a table's index, in the syntax of a query string",
    run: async ({ search }, [table = '', query = '*']) => {
      const response = await fetch(`${search}/${table.toLowerCase()}/_search?q=${encodeURIComponent(query)}`);
      const { hits, error } = (await response.json()) as {
        hits?: { total: { value: number }; hits: { _id: string; _source: unknown }[] };
        error?: { reason?: string; root_cause?: { reason?: string }[] };
      };
      if (hits === undefined) throw new Wrong(`The search failed: ${error?.root_cause?.[0]?.reason ?? error?.reason ?? response.status}`);
      console.log(`${hits.total.value} found`);
      for (const { _id, _source } of hits.hits) console.log(`  ${_id}: ${JSON.stringify(_source)}`);
    },
  },
  'dead-letters': {
    form: '',
    about: 'shows the dead letters',
    run: async ({ addresses, inputs }) => {
      const { s3 } = connect(addresses);
      const Bucket = inputs['code-bucket'];
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: `dead-letters/${inputs['function-name']}/` }));
      const letters = Contents.filter(({ Key }) => Key?.endsWith('/check.json') === false);
      console.log(letters.length === 1 ? '1 dead letter' : `${letters.length} dead letters`);
      for (const { Key } of letters) {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
        console.log(`  s3://${Bucket}/${Key}\n  ${(await Body?.transformToString()) ?? ''}`);
      }
    },
  },
  'stop-cluster': {
    form: '',
    about: 'cuts every connection of the function to the cluster',
    run: (playground) => control(playground, 'stop'),
  },
  'resume-cluster': { form: '', about: 'ends the outage', run: (playground) => control(playground, 'resume') },
  'create-table': {
    form: '<table> <hash key> [range key]',
    about: 'creates a table, whose keys are strings; the next deploy gives it a trigger',
    run: async ({ addresses }, [table = '', hash = '', range]) => {
      await createTable(
        connect(addresses).dynamodb,
        table,
        range === undefined
          ? [[hash, 'S']]
          : [
              [hash, 'S'],
              [range, 'S'],
            ],
      );
      console.log('The table is created. Now: npm run play -- deploy');
    },
  },
};

/** @throws {Wrong} where there are fewer arguments than the form of the command has */
function checkArguments(name: string, form: string, args: readonly string[]): void {
  const needed = form.replaceAll(/\[[^\]]*\]/g, '').match(/<[^>]+>/g) ?? [];
  if (args.length < needed.length) throw new Wrong(`An argument is missing: npm run play -- ${name} ${form}`);
}

function json(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Wrong(`${text} is not JSON: put it in single quotes, and names and texts in double quotes`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Wrong(`${text} is not a JSON object: write '{"name": "value"}'`);
  return value as Record<string, unknown>;
}

async function control({ control: address }: Playground, what: string): Promise<void> {
  process.stdout.write(await (await fetch(`${address}/${what}`, { method: 'POST' })).text());
}

/** Runs the action as its runner does, in this folder. @param args `name=value` for each input */
async function act({ env, inputs, addresses }: Playground, operation: string, args: readonly string[]): Promise<void> {
  const own = Object.fromEntries(
    args.map((arg) => {
      const equals = arg.indexOf('=');
      if (equals < 1) throw new Wrong(`${arg} is no input: write name=value, such as dry-run=true`);
      return [arg.slice(0, equals), arg.slice(equals + 1)] as const;
    }),
  );
  const { TableNames: tables = [] } = await connect(addresses).dynamodb.send(new ListTablesCommand());
  const { code } = await runAction(
    { ...inputs, tables: tables.join('\n'), operation, ...own },
    {
      env,
      workspace: process.cwd(),
      onLog: (text) => {
        process.stdout.write(logAsShown(text));
      },
    },
  );
  process.exitCode = code;
}

function unknown(name: string): string {
  const near = nearest(name, [...Object.keys(COMMANDS), ...OPERATIONS]);
  return `There is no command ${name}${near === undefined ? '.' : `; did you mean ${near}?`} npm run play shows all commands`;
}

function help(): void {
  const rows = Object.entries(COMMANDS).map(([name, { form, about }]) => [`${name} ${form}`, about] as const);
  const all = [...rows, ['<operation> [input=value …]', `runs the action: ${OPERATIONS.join(', ')}`] as const];
  const width = Math.max(...all.map(([form]) => form.length));
  console.log('npm run play -- <command>, beside npm run demo -- --keep\n');
  for (const [form, about] of all) console.log(`  ${form.padEnd(width)}  ${about}`);
}

const [name = 'help', ...args] = process.argv.slice(2);
try {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (name === 'help' || name === '--help') help();
  else if (command === undefined && !OPERATIONS.includes(name)) throw new Wrong(unknown(name));
  else {
    const text = await readFile(PLAYGROUND_FILE, 'utf8').catch(() => {
      throw new Wrong(
        'No playground is ready. Start one in another terminal with npm run demo -- --keep: it is ready after the last step, about a minute later',
      );
    });
    const playground = JSON.parse(text) as Playground;
    if (command === undefined) await act(playground, name, args);
    else {
      checkArguments(name, command.form, args);
      await command.run(playground, args);
    }
  }
} catch (error) {
  console.error(error instanceof Wrong || error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
