// Answers requests about KQL: one JSON object per line on stdin, one per line on stdout, in order.
//
//     {op: "catalog", key, tables: {name: {column: type}}, functions: {name: {parameters, body}},
//      returns: {name: {column: type}}, watchlists: {alias: {column: type}} | null}
//     {op: "analyze", key, query, tree}
//     {op: "hello"}
//
// A query is data: it is parsed and bound, never run. Only the tables and functions that it names, directly or
// through functions, are bound. Offsets are in UTF-16 units, as everywhere in JavaScript.
(function serve(fs) {
  'use strict';
  const { KustoCode, GlobalState, Syntax, Symbols } = globalThis.Kusto.Language;
  const { toArray, getTypeName } = globalThis.Bridge;
  const SYSTEM = globalThis.System;
  const UNKNOWN_NAME = new Set(['KS204', 'KS142']);
  const UNKNOWN_FUNCTION = 'KS211';
  const OTHER_PLACES = ['workspace', 'app', 'resource', 'adx', 'arg'];
  const MOST_CATALOGS = 8;
  const MOST_NODES = 200000;
  const KINDS = new Map();
  const catalogs = new Map();

  const has = (object, name) => Object.prototype.hasOwnProperty.call(object, name);

  function kindOf(element) {
    const value = element.Kind;
    if (!KINDS.has(value)) KINDS.set(value, SYSTEM.Enum.toString(Syntax.SyntaxKind, value));
    return KINDS.get(value);
  }

  function typeName(object) {
    const name = getTypeName(object);
    return name.slice(name.lastIndexOf('.') + 1);
  }

  function children(node) {
    const found = [];
    for (let at = 0; at < node.ChildCount; at += 1) {
      const child = node.GetChild(at);
      if (child) found.push(child);
    }
    return found;
  }

  function* walk(root) {
    const open = [root];
    while (open.length) {
      const node = open.pop();
      yield node;
      const under = children(node);
      for (let at = under.length - 1; at >= 0; at -= 1) if (!under[at].IsToken) open.push(under[at]);
    }
  }

  // -- symbols ---------------------------------------------------------------------------------------------

  // Every name is quoted: a column may be called as a word of the language is (time, date, table).
  const quoted = (name) => `['${name.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}']`;

  function tableOf(name, columns, open) {
    const schema = Object.entries(columns).map(([column, type]) => `${quoted(column)}:${type}`).join(',');
    const table = new Symbols.TableSymbol.$ctor7(name, `(${schema})`, null);
    return open ? table.WithIsOpen(true) : table;
  }

  // A function of which only the result is known: it takes any arguments, those that the query names included.
  function anyFunction(name, named, result) {
    const { Parameter, ParameterTypeKind, ArgumentKind, FunctionSymbol, Tabularity } = Symbols;
    const names = [...named];
    for (let at = 0; names.length < named.size + 16; at += 1) names.push(`argument${at}`);
    const parameters = names.map((each) => new Parameter.ctor(
      each, ParameterTypeKind.Any, ArgumentKind.Expression, null, null, false, null, 0, 1, null, null));
    return new FunctionSymbol.ctor(name, result, Tabularity.Tabular, parameters);
  }

  function watchlistFunction(catalog, named) {
    const always = { _DTItemId: 'string', LastUpdatedTimeUTC: 'datetime', SearchKey: 'string', WatchlistItem: 'dynamic' };
    const byAlias = new Map(Object.entries(catalog.watchlists || {}).map(([alias, columns]) => [alias.toLowerCase(), columns]));
    const aliasOf = (info) => {
      const first = info.Arguments && toArray(info.Arguments)[0];
      return first && typeof first.LiteralValue === 'string' ? first.LiteralValue.toLowerCase() : null;
    };
    return anyFunction('_GetWatchlist', named, (info) => {
      const columns = byAlias.get(aliasOf(info));
      return tableOf('', { ...always, ...columns }, !columns);
    });
  }

  function otherPlace(name) {
    const open = new Symbols.DatabaseSymbol.$ctor1('', SYSTEM.Array.init([], Symbols.Symbol), true);
    const text = new Symbols.Parameter.$ctor2('name', Symbols.ScalarTypes.String);
    return new Symbols.FunctionSymbol.$ctor5(name, open, [text]);
  }

  // -- which names a query needs ----------------------------------------------------------------------------

  const TABULAR = new Set([
    'ExpressionStatement.Expression', 'PipeExpression.Expression', 'JoinOperator.Expression',
    'LookupOperator.Expression', 'LetStatement.Expression', 'InvokeOperator.Function', 'FunctionBody.Expression',
    'UnionOperator.Expressions', 'FindInClause.Expressions', 'MaterializeExpression.Expression',
  ]);

  // Says whether an expression stands where a table does; lists and their wrappers have no names of their own.
  function isTabular(node) {
    let at = node;
    let role = at.NameInParent;
    while (at.Parent) {
      const parent = at.Parent;
      const kind = kindOf(parent);
      if (TABULAR.has(`${kind}.${role}`)) return true;
      if (kind === 'SeparatedElement' || kind === 'List') role = parent.NameInParent || role;
      else if (kind === 'ParenthesizedExpression') role = parent.NameInParent;
      else return false;
      at = parent;
    }
    return false;
  }

  // Says whether a name alone is what `in` looks through: in (Table), in ((Table)).
  function inList(node) {
    let at = node.Parent;
    let listed = false;
    while (at && ['SeparatedElement', 'List', 'ExpressionList', 'ParenthesizedExpression'].includes(kindOf(at))) {
      listed = listed || kindOf(at) === 'ExpressionList';
      at = at.Parent;
    }
    return listed && Boolean(at) && /^(Not|Has)?In/.test(kindOf(at));
  }

  function mentions(root) {
    const found = { names: new Set(), tabular: new Set(), patterns: [], all: false, named: new Map() };
    for (const node of walk(root)) {
      const kind = kindOf(node);
      if (kind === 'NameReference') {
        found.names.add(node.SimpleName);
        if (isTabular(node) || inList(node)) found.tabular.add(node.SimpleName);
      }
      if (kind === 'WildcardedName') found.patterns.push(node.SimpleName || node.toString());
      else if ((kind === 'SearchOperator' || kind === 'FindOperator') && !node.InClause) found.all = true;
      else if (kind === 'FunctionCallExpression') noteArguments(node, found.named);
    }
    return found;
  }

  function noteArguments(call, named) {
    const into = named.get(call.Name.SimpleName) || new Set();
    for (const node of walk(call.ArgumentList)) {
      if (kindOf(node) === 'SimpleNamedExpression') into.add(node.Name.SimpleName);
    }
    named.set(call.Name.SimpleName, into);
  }

  const matcher = (pattern) => new RegExp(`^${pattern.split('*').map((part) => part.replace(/[^\w]/g, '\\$&')).join('.*')}$`);

  // Adds to `wanted` what the bodies of the functions in it name, until nothing is new.
  function close(wanted, catalog) {
    const open = [...wanted];
    const add = (name) => { if (!wanted.has(name)) { wanted.add(name); open.push(name); } };
    const addAll = (found) => namesOf(found, catalog).forEach(add);
    while (open.length) {
      const name = open.pop();
      if (!has(catalog.functions, name)) continue;
      const body = catalog.functions[name];
      if (!body.mentions) body.mentions = mentions(KustoCode.Parse(body.body).Syntax);
      addAll(body.mentions);
    }
  }

  function tablesLike(found, catalog) {
    const names = Object.keys(catalog.tables);
    if (found.all) return names;
    const matchers = found.patterns.map(matcher);
    return matchers.length ? names.filter((name) => matchers.some((each) => each.test(name))) : [];
  }

  // The names to bind: those of tables only where a table can stand, since many columns have such names, too.
  function namesOf(found, catalog) {
    const names = [...found.names].filter((name) => !has(catalog.tables, name) || found.tabular.has(name));
    return [...names, ...tablesLike(found, catalog)];
  }

  function needed(root, catalog) {
    const found = mentions(root);
    const wanted = new Set(namesOf(found, catalog));
    close(wanted, catalog);
    return { wanted, named: found.named };
  }

  function symbolFor(name, catalog, named) {
    const own = named.get(name) || new Set();
    if (has(catalog.tables, name)) {
      if (!catalog.built.has(name)) {
        const table = tableOf(name, catalog.tables[name], false);
        catalog.built.set(name, table);
        for (const column of toArray(table.Columns)) catalog.origins.set(column, name);
      }
      return catalog.built.get(name);
    }
    if (has(catalog.functions, name)) {
      const { parameters, body } = catalog.functions[name];
      return new Symbols.FunctionSymbol.$ctor16(name, `(${parameters})`, `{ ${body}\n}`, null);
    }
    if (name === '_GetWatchlist') return watchlistFunction(catalog, own);
    if (name === '_GetWatchlistAlias') return anyFunction(name, own, () => tableOf('', { WatchlistAlias: 'string' }, false));
    if (has(catalog.returns, name)) return anyFunction(name, own, () => tableOf('', catalog.returns[name], true));
    if (OTHER_PLACES.includes(name)) return otherPlace(name);
    return null;
  }

  function globalsFor(need, catalog, assumed) {
    const members = [];
    for (const name of need.wanted) {
      const symbol = symbolFor(name, catalog, need.named);
      if (symbol) members.push(symbol);
    }
    for (const [name, what] of assumed) {
      if (what === 'table') members.push(tableOf(name, {}, true));
      else members.push(anyFunction(name, need.named.get(name) || new Set(), () => tableOf('', {}, true)));
    }
    return GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor('workspace', members));
  }

  // -- names that nobody knows ------------------------------------------------------------------------------

  function unknownNames(code, diagnostics) {
    const found = [];
    for (const each of diagnostics) {
      if (!UNKNOWN_NAME.has(each.code) && each.code !== UNKNOWN_FUNCTION) continue;
      const token = code.Syntax.GetTokenAt(each.start);
      let node = token && token.Parent;
      while (node && kindOf(node) !== 'NameReference') node = node.Parent;
      if (!node) continue;
      const called = each.code === UNKNOWN_FUNCTION;
      if (isTabular(called ? node.Parent : node)) found.push({ name: node.SimpleName, what: called ? 'function' : 'table', at: each });
    }
    return found;
  }

  // Says whether a place is in the arguments of an invoked function that nobody knows. Defender's FileProfile
  // takes columns of the rows there, which functions of a workspace cannot.
  function inInvoked(code, start, assumed) {
    const token = code.Syntax.GetTokenAt(start);
    for (let node = token && token.Parent; node; node = node.Parent) {
      if (kindOf(node) === 'InvokeOperator') return assumed.has(node.Function.Name && node.Function.Name.SimpleName);
    }
    return false;
  }

  // -- the tree as data -------------------------------------------------------------------------------------

  const symbolText = (symbol) => `${typeName(symbol).replace(/Symbol$/, '')}:${symbol.Name}`;
  const typeText = (type) => (typeName(type) === 'TableSymbol' ? 'table' : type.Name);
  const WRAPPERS = new Set(['List', 'SeparatedElement', 'TokenName', 'BracketedName', 'BracedName', 'WildcardedName']);

  // A list in reading order, each node with the place of its parent in it: depth costs no recursion.
  function treeOf(root, origins) {
    const nodes = [];
    const open = [{ node: root, field: '', parent: -1 }];
    while (open.length) {
      const { node, field, parent } = open.pop();
      if (nodes.length >= MOST_NODES) throw new Error(`the tree of this query has more than ${MOST_NODES} nodes`);
      const under = [];
      gather(node, '', nodes.length, under);
      nodes.push(described(node, field, parent, under.length === 0, origins));
      for (let at = under.length - 1; at >= 0; at -= 1) open.push(under[at]);
    }
    return nodes;
  }

  function described(node, field, parent, leaf, origins) {
    const made = { k: kindOf(node), s: node.TextStart, e: node.End, p: parent };
    if (field) made.f = field;
    if (typeof node.SimpleName === 'string') made.n = node.SimpleName;
    if (node.ReferencedSymbol && typeName(node.ReferencedSymbol) !== 'OperatorSymbol') made.r = symbolText(node.ReferencedSymbol);
    if (node.ReferencedSymbol && origins.has(node.ReferencedSymbol)) made.o = origins.get(node.ReferencedSymbol);
    if (node.ResultType) made.t = typeText(node.ResultType);
    if (leaf && made.n === undefined) made.v = node.toString().trim();
    return made;
  }

  function gather(node, field, parent, into) {
    for (const child of children(node)) {
      if (child.IsToken) continue;
      const own = child.NameInParent || field;
      if (WRAPPERS.has(kindOf(child))) gather(child, own, parent, into);
      else into.push({ node: child, field: own, parent });
    }
  }

  // -- requests ---------------------------------------------------------------------------------------------

  const diagnosticsOf = (code) => toArray(code.GetDiagnostics()).map((each) => (
    { code: each.Code, severity: each.Severity, message: each.Message, start: each.Start, length: each.Length }));

  function columnsOf(type) {
    if (!type || typeName(type) !== 'TableSymbol') return null;
    return toArray(type.Columns).map((column) => [column.Name, column.Type.Name]);
  }

  function used(code, catalog) {
    const all = mentions(code.Syntax).all ? Object.keys(catalog.tables) : [];
    const found = { tables: new Set(all), functions: new Set() };
    for (const node of walk(code.Syntax)) {
      const symbol = kindOf(node) === 'NameReference' ? node.ReferencedSymbol : null;
      for (const each of symbol && typeName(symbol) === 'GroupSymbol' ? toArray(symbol.Members) : [symbol]) {
        if (!each) continue;
        if (has(catalog.tables, each.Name) && typeName(each) === 'TableSymbol') found.tables.add(each.Name);
        if (has(catalog.functions, each.Name) && typeName(each) === 'FunctionSymbol') found.functions.add(each.Name);
      }
    }
    return { tables: [...found.tables].sort(), functions: [...found.functions].sort() };
  }

  function analyze(request) {
    const catalog = catalogs.get(request.key);
    if (!catalog) return { missing: true };
    const parsed = KustoCode.Parse(request.query);
    const syntax = diagnosticsOf(parsed);
    const need = needed(parsed.Syntax, catalog);
    const assumed = new Map();
    const unknown = [];
    let code;
    let diagnostics;
    for (;;) {
      code = KustoCode.ParseAndAnalyze(request.query, globalsFor(need, catalog, assumed));
      diagnostics = diagnosticsOf(code);
      const fresh = unknownNames(code, diagnostics);
      if (!fresh.some((each) => !assumed.has(each.name))) break;
      for (const each of fresh) {
        assumed.set(each.name, each.what);
        unknown.push({ name: each.name, what: each.what, start: each.at.start, length: each.at.length });
      }
    }
    diagnostics = diagnostics.filter((each) => each.code !== 'KS142' || !inInvoked(code, each.start, assumed));
    const answer = { syntax, diagnostics, unknown, columns: columnsOf(code.ResultType), ...used(code, catalog) };
    if (request.tree) answer.tree = treeOf(code.Syntax, catalog.origins);
    return answer;
  }

  function keep(request) {
    if (catalogs.size >= MOST_CATALOGS) catalogs.delete(catalogs.keys().next().value);
    const { tables, functions, returns, watchlists } = request;
    catalogs.set(request.key, { tables, functions, returns, watchlists, built: new Map(), origins: new Map() });
    return {};
  }

  function answerTo(line) {
    try {
      const request = JSON.parse(line);
      if (request.op === 'analyze') return analyze(request);
      return request.op === 'catalog' ? keep(request) : {};
    } catch (error) {
      if (error instanceof RangeError) return { error: 'the query is nested too deeply' };
      return { error: String((error && error.message) || error) };
    }
  }

  function write(text) {
    const bytes = Buffer.from(`${text}\n`);
    for (let at = 0; at < bytes.length;) at += fs.writeSync(1, bytes, at);
  }

  const chunk = Buffer.allocUnsafe(65536);
  let held = [];
  for (let size = fs.readSync(0, chunk); size; size = fs.readSync(0, chunk)) {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0 && at < size; at = chunk.indexOf(10, from)) {
      held.push(Buffer.from(chunk.subarray(from, at)));
      write(JSON.stringify(answerTo(Buffer.concat(held).toString('utf8'))));
      held = [];
      from = at + 1;
    }
    held.push(Buffer.from(chunk.subarray(from, size)));
  }
})
