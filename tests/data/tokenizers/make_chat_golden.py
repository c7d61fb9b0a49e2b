# SPDX-License-Identifier: MIT
"""Makes chat_golden.json: what Jinja, set up as Hugging Face transformers does it, prints for small templates.

usage: make_chat_golden.py        Needs: pip install transformers jinja2 (made with transformers 5.24, jinja2 3.1.6).
"""
import json
import os

from transformers.utils.chat_template_utils import _compile_jinja_template

MESSAGES = [
    {"role": "system", "content": " Be \"brief\".\n"},
    {"role": "user", "content": "What is 2 < 3? \u00e9\U0001f600", "tags": ["a", "b"], "score": 1.5},
    {"role": "assistant", "content": "Yes.", "calls": [{"name": "f", "arguments": {"x": 1, "y": [True, None, "z"], "e": {}}}]},
    {"role": "user", "content": ""},
]

TEMPLATES = [
    # white space
    "a\n  {% if true %}\n b\n  {% endif %}\nc\n", "a {%- if true -%} b {%- endif %} c", "x\n{# note #}\ny {# z #} w\n", "  {{ 1 }}  \n{{ 2 }}\n",
    "{% if true %}\n\n  two\n{% endif %}", "a  {%+ if true +%}\n b{% endif %}", "\n\n{{- 'x' -}}\n\n", "a\r\nb\r\n", "{% set x = 1 %}   {% set y = 2 %}\n|{{ x }}{{ y }}",
    "  {#- gone -#}  end", "{{ '{{' }}{{ '%}' }}{{ {'a': {'b': 1}} }}",
    # the usual ones
    "{{ bos_token }}{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' + m['content'] | trim + eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}",
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}none{% endif %}{{ '<|im_start|>' + message.role + '\\n' + "
    "message.content }}{% if not loop.last %}{{ '<|im_end|>\\n' }}{% endif %}{% endfor %}",
    "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set sys = messages[0]['content'].strip() %}{% else %}{% set rest = messages %}"
    "{% endif %}{% for m in rest %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('must alternate') }}{% endif %}"
    "{% if loop.index0 == 0 %}[{{ sys }}]{% endif %}{{ m.content }}|{% endfor %}",
    "{% for m in messages %}{{ raise_exception('no ' ~ m.role) if m.role == 'tool' else m.role }}{% endfor %}", "{{ raise_exception('refused') }}",
    # loops
    "{% for m in messages if m.role == 'user' %}{{ loop.index }}/{{ loop.length }}:{{ loop.revindex0 }}{{ ',' if not loop.last }}{% else %}none{% endfor %}",
    "{% for x in [] %}{{ x }}{% else %}empty{% endfor %}", "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in range(2, 9, 3) %}{{ i }}{% endfor %}{% for i in range(3)[::-1] %}{{ i }}{% endfor %}",
    "{% for x in [1, 2, 3] %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}", "{% for c in 'h\u00e9' %}[{{ c }}]{% endfor %}",
    "{% set x = 0 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(n=0, seen=[]) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% set ns.seen = ns.seen + [m.role] %}{% endfor %}{{ ns.n }} {{ ns.seen }}",
    "{% for a in [[1, 2], [3, 4]] %}{% for b in a %}{{ loop.index }}{{ b }} {% endfor %}{{ loop.index }};{% endfor %}",
    # values
    "{{ [1, 2.0, 1.5, 1e3, 2.5E-2, 'a', \"it's\", true, none, {'k': [1]}] }}", "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 5 }} {{ 1 - 2 - 3 }} {{ 2 + 3 * 4 }}",
    "{{ 'a' ~ 1 ~ true ~ none }}", "{{ 'ab' * 3 }} {{ [1] + [2] }} {{ -3 | abs }} {{ (1, 2) | length }}", "{{ 1 < 2 }} {{ 1 <= 1 < 3 }} {{ 'a' < 'b' }} {{ 1 == 1.0 }} {{ 'x' in 'xyz' }} {{ 4 not in [1, 2] }}",
    "{{ not true or true }} {{ not (true or true) }} {{ 0 or 'x' }} {{ '' and 1 }} {{ 1 if false }}|{{ 1 if 0 else 2 if 0 else 3 }}",
    "{{ messages[-1].role }} {{ messages[1].content[:4] }} {{ messages[1].content[-1] }} {{ 'abcdef'[1:5:2] }} {{ 'abc'[::-1] }} {{ [1, 2, 3][5:] }}",
    "{{ messages[0].missing }}|{{ messages[99] }}|{{ nothing }}", "{{ nothing.at_all }}", "{{ messages[0]['missing']['more'] }}", "{{ nothing + 1 }}",
    # tests
    "{{ nothing is defined }} {{ messages is defined }} {{ none is none }} {{ 1 is number }} {{ 'a' is string }} {{ {} is mapping }} {{ [] is iterable }} {{ 'a' is iterable }} {{ 1 is not string }}",
    "{{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 1 is eq 1 }} {{ 2 is in [1, 2] }} {{ true is boolean }} {{ true is true }} {{ 1 is sameas 1 }} {{ 1.5 is float }} {{ 1 is integer }} {{ [] is sequence }}",
    "{{ messages[2].calls is defined and messages[2].calls is not none }} {{ (messages[1].tags or none) is none }}",
    # filters
    "{{ messages[2].calls | tojson }}", "{{ messages[2].calls | tojson(indent=2) }}", "{{ messages[1] | tojson(indent=4) }}", "{{ '\\t\"\\\\\\n/<>&\\x01' | tojson }}",
    "{{ ' x y ' | trim }}|{{ 'xxaxx' | trim('x') }}|{{ 'Hello World' | upper }}|{{ 'ABC' | lower }}|{{ 'hello world' | title }}|{{ 'hELLO' | capitalize }}",
    "{{ [3, 1, 2] | sort | join(', ') }} {{ messages | map(attribute='role') | join('-') }} {{ ['a', 'b'] | map('upper') | list }} {{ [1, 1, 2] | unique | list }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ messages | rejectattr('role', 'in', ['user']) | map(attribute='role') | list }} "
    "{{ messages | selectattr('calls') | list | count }} {{ messages | selectattr('tags', 'defined') | list | length }} {{ [0, 1, 2] | select | list }} {{ [1, 2, 3] | reject('odd') | list }}",
    "{{ nothing | default('d') }} {{ '' | default('e', true) }} {{ none | default('n') }} {{ none | d('n', boolean=true) }}",
    "{{ [1, 2] | first }} {{ [1, 2] | last }} {{ 'abc' | length }} {{ '\u00e9\U0001f600' | length }} {{ {'a': 1} | length }} {% for k, v in {'b': 1, 'a': 2} | dictsort %}{{ k }}{{ v }}{% endfor %}{% for k, v in {'b': 1} | items %}{{ k }}{% endfor %}",
    "{{ '12' | int + 1 }} {{ 'x' | int }} {{ '1.5' | float }} {{ 3 | string + '!' }} {{ 'a-b' | replace('-', '+') }} {{ 'abc' | reverse }} {{ [1, 2] | reverse | list }} {{ 2.567 | round(1) }} {{ [3, 1] | min }}",
    "{{ 'a\nb\n\nc' | indent(2) }}|{{ 'a\nb' | indent(1, true) }}",
    # methods
    "{{ ' a b '.strip() }}|{{ 'xa'.lstrip('x') }}|{{ 'a\\n'.rstrip() }}|{{ 'a,b,c'.split(',') }}|{{ 'a b  c'.split() }}|{{ 'a,b,c'.split(',', 1)[1] }}|{{ 'abc'.startswith('ab') }}|{{ 'abc'.endswith(('x', 'c')) }}",
    "{{ 'x<think>y</think>z'.split('</think>')[-1].lstrip('\\n') }} {{ 'a'.upper() }} {{ 'aXbX'.replace('X', '-', 1) }} {{ 'abc'.find('c') }} {{ ', '.join(['a', 'b']) }} {{ '{}-{n}'.format(1, n=2) }}",
    "{{ messages[1].get('score') }} {{ messages[1].get('no', 'default') }} {{ messages[1].get('no') }} {{ messages[1].keys() | list }} {{ {'a': 1}.values() | list }}",
    # set, macros
    "{% set x %}\n captured {{ 1 }}\n{% endset %}[{{ x }}]", "{% set x | upper %}abc{% endset %}{{ x }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% macro say(who, loud=false) %}{{ who | upper if loud else who }}!{% endmacro %}{{ say('a') }}{{ say('b', true) }}{{ say(who='c', loud=true) }}",
    "{% macro count(n) %}{% if n > 0 %}{{ n }}{{ count(n - 1) }}{% endif %}{% endmacro %}{{ count(3) }}",
    "{% for m in messages %}{% generation %}{{ m.role }}{% endgeneration %}{% endfor %}", "{{ 'a' 'b' }} {{ \"\\u00e9\\x41\" }} {{ 'it\\'s' }}",
    "{% if messages[0].role == 'x' %}1{% elif messages | length > 3 %}2{% else %}3{% endif %}", "{{ -1 + 2 }} {{ - 3 }} {{ 2 * -1 }} {{ 'a' if not nothing is defined else 'b' }}",
    # numbers, keys, tuples
    "{{ {1: 'a', 2.5: 'b', none: 'c', true: 'd'} }} {{ {1: 'a'}[1] }} {{ {1: 'a'}.get(1.0) }} {{ {1: 2} | tojson }} {{ 1 in {1: 2} }} {{ {none: 1, false: 2, 1.5: 3} | tojson }}",
    "{{ (1, 'a') }} {{ (1,) }} {{ () }} {{ {'a': 1}.items() | list }} {{ [(1, 2)] | tojson }} {{ 1e5 }} {{ 123456789.0 }} {{ 1e16 }} {{ 1e-5 }} {{ 0.0001 }} {{ 1e22 }} {{ -0.0 }}",
    "{{ 3 | round }} {{ 2.5 | round }} {{ 2.675 | round(2) }} {{ 1234.5 | round(-2) }} {{ 2.1 | round(0, 'ceil') }} {{ 2.19 | round(1, 'floor') }} {{ 7 | float }} {{ '42.9' | int }} {{ true + 1 }} {{ -true }}",
    "{{ 2 ** 62 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 3 * 'ab' }} {{ [1] * 3 }} {{ 5 / 2 }} {{ 4 / 2 }}",
    "{{ 'a\x07b\x7f\u00e9\u200b' | tojson }} {{ ['a\x07b\x7f\u00e9\u200b\u3000'] }} {{ ['it\\'s \\\\'] }}",
    # tojson as transformers has it
    "{{ {'b': '\u00e9\U0001f600', 'a': [1, {'c': none}]} | tojson(ensure_ascii=true) }}", "{{ {'b': 1, 'a': [1, {}], 'c': []} | tojson(indent=2, sort_keys=true) }}",
    "{{ {'b': 1, 'a': 2} | tojson(separators=(',', ':')) }}{{ [1, 2] | tojson(true, 1) }}{{ [1, {'a': 2}] | tojson(indent='\t') }}{{ [1, [2]] | tojson(indent=0) }}", "{{ nothing | tojson }}",
    "{{ {'b': 1, 'a': 2} | tojson(indent=2, separators=(' , ', ' : ')) }}{{ {2: 1, 1: 2} | tojson(sort_keys=true) }}{{ '<b>\\'&\x7f' | tojson(ensure_ascii=true) }}",
    # more filters and tests of Jinja
    "{{ '<a href=\"x\">\\'&' | e }} {{ '<' | escape }} {{ '%s-%03d-%.2f' | format('a', 7, 2.5) }} {{ '%(n)s' | format(n=1) }} {{ '%5s|%-5s|%x|%r|%%' | format('a', 'b', 255, 'q') }} {{ '%d items' % 3 }} {{ '%s %s' % (1, 2) }}",
    "{{ 'a b/c?d=\u00e9&' | urlencode }} {{ {'a b': 'c/d', 'e': 1} | urlencode }} {{ [('x', 'y z')] | urlencode }} {{ {'b': 'x', 'a': [1]} | pprint }} {{ 'it' | pprint }}",
    "{{ range(10) | batch(4) | list }} {{ range(10) | batch(4, 'x') | list }} {{ range(10) | slice(3) | list }} {{ range(10) | slice(3, 'x') | list }} {{ [1, 2, 3] | sum }} {{ messages | sum(attribute='score', start=1) if false }}",
    "{{ 'ab' | center(7) }}| {{ 'abc' | center(6) }}| {{ 'a long text that is cut here' | truncate(15) }} {{ 'a long text that is cut here' | truncate(15, true) }} {{ 'short' | truncate(3) }} {{ 'abcdefghijkl' | truncate(6, true, '!', 0) }} {{ 'two words, three' | wordcount }}",
    "{% for r, ms in messages | groupby('role') %}{{ r }}:{{ ms | length }} {% endfor %}{{ messages | map(attribute='score', default=0) | list }} {{ ['b', 'A', 'c'] | sort }} {{ ['b', 'A'] | sort(case_sensitive=true) }} {{ ['a', 'A', 'b'] | unique | list }}",
    "{{ [{'a': 2}, {'a': 1}] | sort(attribute='a') }} {{ [3, 1, 2] | sort(reverse=true) }} {{ [3, 1] | max }} {{ ['b', 'A'] | min }} {{ [{'a': 2}, {'a': 1}] | max(attribute='a') }} {{ {'b': 1, 'A': 2} | dictsort }} {{ {'b': 1, 'A': 2} | dictsort(by='value', reverse=true) }}",
    "{{ 'abc' is lower }} {{ 'ABC' is upper }} {{ '1' is lower }} {{ [1] == [1.0] }} {{ (1, 2) == [1, 2] }} {{ [1, 2] < [1, 3] }} {{ {'a': 1} == {'a': 1.0} }} {{ true == 1 }} {{ 'b' in {'b': 1} }} {{ nothing is iterable }} {{ none is sequence }}",
    "{{ 'hello-wORLD (foo) it\\'s' | title }} {{ 'hello-wORLD it\\'s'.title() }} {{ '\u00e9\u00df' | upper }} {{ '\u00c9' | lower }} {{ 'a\nb' | indent('> ', true) }} {{ 'a\n\nb' | indent(2, blank=true) }}",
    "{{ 'a-b-c'.rsplit('-', 1) }} {{ 'a\nb\n'.splitlines() }} {{ 'banana'.count('an') }} {{ 'banana'.rfind('an') }} {{ 'abc'.removeprefix('a').removesuffix('c') }} {{ '12'.isdigit() }} {{ ' '.isspace() }} {{ 'ab'.replace('', '-') }} {{ [1, 2].index(2) }} {{ [1, 1].count(1) }}",
    "{{ '{:>5}|{:<5}|{:^5}|{:03d}|{:.2f}|{:x}'.format('a', 'b', 'c', 7, 2.5, 255) }} {{ '{0}{1}{0}'.format('a', 'b') }} {{ '{{}}'.format() }} {{ '{}'.format([1]) }}", "{{ '{:q}'.format(1) }}", "{{ '%s' % () }}", "{{ '%d' % 'a' }}", "{{ '%s' % (1, 2) }}",
    "{{ messages | map('upper') | list }}", "{{ ['a', 'b'] | map('replace', 'a', 'x') | join }} {{ 'a' | attr('x') }} {{ [] | first }} {{ 'abc' | first }}{{ 'abc' | last }} {{ [1, none] | select('none') | list }} {{ dict(a=1, b=2) }} {{ dict([('a', 1)]) }}",
    "{{ tools is defined }} {{ tools is none }}", "{{ namespace(a=1).a }} {{ 'abcdef'[-3:] }} {{ '\u00e9a\U0001f600'[::-1] }} {{ '\u00e9a\U0001f600'[1:] }} {{ '\u00e9a'[1] }} {{ (1, 2, 3)[1:] }} {{ 'a,b'.split(',', 0) }} {{ ' a  b '.split(none, 1) }}",
    "{{ 1 if false }}", "{{ (1 if false) is defined }}", "{{ [1, 2, 3] | batch(2) | map('first') | list }} {{ 10 | string | length }} {{ 'x' | default('y') | upper }}",
    # broken
    "{% if true %}", "{{ 1 +", "{% endif %}", "{{ 'a }}", "{% for x of y %}{% endfor %}", "{{ 1 | }}", "{{ a b }}", "{# open", "{{ x(] }}", "{% set = 1 %}",
]


def rendered(template):
    try:
        return _compile_jinja_template(template).render(messages=MESSAGES, tools=None, documents=None, add_generation_prompt=True,
                                                         bos_token="<s>", eos_token="</s>")
    except Exception:
        return None


def main():
    golden = {"messages": MESSAGES, "cases": [{"template": template, "text": rendered(template)} for template in TEMPLATES]}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "chat_golden.json"), "w", encoding="ascii") as f:
        json.dump(golden, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
