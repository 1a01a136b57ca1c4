# SPDX-License-Identifier: MIT
# churn.pl SCALE: a hash of hashes and lists that changes all the time; strings joined, split, sorted.
use strict;
use warnings;

my $state = 1;
sub chance { $state = ($state * 1103515245 + 12345) % 2147483648; return int($state / 65536) % $_[0]; }

my (%table, $sum);
for my $i (1 .. int(120000 * $ARGV[0])) {
	$table{"k" . chance(3000)} = {n => $i, text => "x" x chance(200), list => [map { $_ * 2 } 1 .. chance(12)]};
	delete $table{"k" . chance(3000)} if $i % 3 == 0;
	if ($i % 4000 == 0) {
		my $text = join ",", map { "$_=$table{$_}{n}" } sort keys %table;
		$sum += length for split /,/, $text;
	}
}
print scalar(keys %table), "\n";
