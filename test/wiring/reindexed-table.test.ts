// A table that is reindexed stays so through ordinary deploys, and a rollback says what it ends.
import { expect, test } from '@jest/globals';
import { GetFunctionCommand, UpdateFunctionCodeCommand } from '@aws-sdk/client-lambda';
import type { FunctionConfig } from '../../formats/function-config.ts';
import { CONFIG_ENTRY, entryText, readPackage, withEntry, type Package } from '../../action/package/package.ts';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment } from './deployment.ts';

const stack = await useStack();
const { lambda } = stack.clients;

async function deployed(name: string): Promise<Package> {
  const { Code: code } = await lambda.send(new GetFunctionCommand({ FunctionName: name }));
  return readPackage(new Uint8Array(await (await fetch(code?.Location ?? '')).arrayBuffer()));
}
const configOf = (found: Package): FunctionConfig => JSON.parse(entryText(found, CONFIG_ENTRY) ?? '') as FunctionConfig;

test('a deploy and a refreshed key mapping go on writing both indexes, and a rollback warns that it does not', async () => {
  const it = await prepareDeployment(stack);
  try {
    const table = it.tables[0] ?? '';
    const index = table.toLowerCase();
    expect(await it.run({ tables: table })).toMatchObject({ code: 0 });
    const before = await deployed(it.name);
    const reindex = { [table]: { indexes: [index, `${index}-2`], since: '2026-01-02T03:04:05.000Z' } };
    const both = withEntry(before, CONFIG_ENTRY, JSON.stringify({ ...configOf(before), reindex }));
    await lambda.send(new UpdateFunctionCodeCommand({ FunctionName: it.name, ZipFile: both.bytes }));
    const pushed = await it.run({ tables: table });
    expect(pushed).toMatchObject({ code: 0 });
    expect(pushed.log).toMatch(/Since 2026-01-02 every change of table .* is written to both .* and .*-2/);
    expect(configOf(await deployed(it.name)).reindex).toEqual(reindex);
    expect(await it.run({ operation: 'refresh-mapping' })).toMatchObject({ code: 0 });
    expect(configOf(await deployed(it.name)).reindex).toEqual(reindex);
    const back = await it.run({ operation: 'rollback', 'rollback-to': before.sha256Hex });
    expect(back).toMatchObject({ code: 0 });
    expect(back.log).toMatch(/The package to go back to does not write table .* to both/);
    expect(configOf(await deployed(it.name))).not.toHaveProperty('reindex');
  } finally {
    await it.stop();
  }
}, 300_000);
