-- A question that rests on what was said before is searched for in other words: these.
alter table answers add column searched_for text;
