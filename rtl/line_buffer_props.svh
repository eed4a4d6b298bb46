// What line_buffer promises, for scripts/prove; followed at two bits of the lines.
//
//@ proof short induction 3 sat,pdr Lines=2
//@ reads_what_was_written: a line read is the one written last at that address, two enabled cycles later
//@ wrong: s/if \(we_i\) mem/if (we_i \&\& !re_i) mem/
//@ held: without re_i the output stays
//@ wrong: s/^( *)if \(re_i\) begin/\1if (re_i || we_i) begin/

logic [Lines*2-1:0] fv_model_q;
logic [Lines-1:0]   fv_written_q = '0;
logic [1:0]         fv_good_q;        // read_q and out_q hold a line read
logic [1:0]         fv_read_q, fv_out_q, fv_before_q;
logic               fv_kept_q;
logic [Lines-1:0]   fv_same;
always_ff @(posedge clk_i) begin
  for (int unsigned i = 0; i < Lines; i = i + 1) begin
    if (we_i && 32'(waddr_i) == i) begin
      fv_model_q[i*2+:2] <= {wdata_i[511], wdata_i[0]};
      fv_written_q[i]    <= 1'b1;
    end
  end
  if (re_i) begin
    for (int unsigned i = 0; i < Lines; i = i + 1) begin
      if (32'(raddr_i) == i) fv_read_q <= fv_model_q[i*2+:2];
    end
    fv_out_q <= fv_read_q;
  end
  fv_before_q <= {rdata_o[511], rdata_o[0]};
  fv_kept_q   <= fv_run_q && !re_i;
  fv_good_q   <= !fv_run_q ? 2'b00 : re_i ? {fv_good_q[0], 1'b1} : fv_good_q;
end
always_comb begin
  for (int unsigned i = 0; i < Lines; i = i + 1) begin
    fv_same[i] = !fv_written_q[i] || {mem[i][511], mem[i][0]} == fv_model_q[i*2+:2];
  end
end
always_comb begin
  assume (!re_i || fv_written_q[raddr_i]);
  if (fv_run_q) begin
    reads_what_was_written: assert (!fv_good_q[1] || {rdata_o[511], rdata_o[0]} == fv_out_q);
    held: assert (!fv_kept_q || {rdata_o[511], rdata_o[0]} == fv_before_q);
    assert (&fv_same);
    assert (!fv_good_q[0] || {read_q[511], read_q[0]} == fv_read_q);
  end
end
