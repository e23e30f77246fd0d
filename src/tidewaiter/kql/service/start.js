// Loads Microsoft's Kusto.Language (npm @kusto/language-service-next) and hands over to service.js.
//
//     node --snapshot-blob FILE --build-snapshot start.js LIBRARY_FOLDER     at set-up
//     node --snapshot-blob FILE - service.js                                 0.2 s to the first answer
//     node start.js LIBRARY_FOLDER service.js                                3 s to the first answer
//
// The snapshot is the heap of a process that has loaded the library and built its grammar. service.js is not
// part of it, so that a change of it needs no new snapshot.
'use strict';
const fs = require('fs');
const v8 = require('v8');
const vm = require('vm');

const WARM = 'T | where a == 1 and b has "x" | extend d = iff(a == 1, "x", tostring(b)) | join kind=inner (U) on a'
  + ' | summarize count(), dcount(b) by a, bin(TimeGenerated, 1h) | project a, b = d | top 5 by a | union V';

function load(folder) {
  for (const name of ['bridge.min.js', 'Kusto.Language.Bridge.min.js']) {
    vm.runInThisContext(fs.readFileSync(`${folder}/${name}`, 'utf8'), { filename: name });
  }
}

function serve() {
  const own = process.argv[process.argv.length - 1];
  vm.runInThisContext(fs.readFileSync(own, 'utf8'), { filename: 'service.js' })(fs);
}

if (v8.startupSnapshot.isBuildingSnapshot()) {
  load(process.argv[process.argv.length - 1]);
  const { KustoCode, GlobalState } = globalThis.Kusto.Language;
  KustoCode.ParseAndAnalyze(WARM, GlobalState.Default).GetDiagnostics();
  v8.startupSnapshot.setDeserializeMainFunction(serve);
} else {
  load(process.argv[2]);
  serve();
}
