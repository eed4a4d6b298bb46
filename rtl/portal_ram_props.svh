// What portal_ram promises, for scripts/prove.
//
//@ proof short induction 2 sat,pdr NumPortals=3 Width=2 Reads=2
//@ reads_own_value: a read gives what was written last for that portal, 0 since reset or clear
//@ wrong: s/written_q\[clear_idx_i\] <= 1'b0/written_q <= '0/

// All values, also for proofs of modules around this one.
logic [NumPortals*Width-1:0] fv_values;
always_comb begin
  for (int unsigned i = 0; i < NumPortals; i = i + 1) begin
    fv_values[i*Width+:Width] = mem[i] & {Width{written_q[i]}};
  end
end

`ifndef FV_VALUES_ONLY
logic [NumPortals*Width-1:0] fv_model_q;  // what the owner believes to be there
always_ff @(posedge clk_i) begin
  for (int unsigned i = 0; i < NumPortals; i = i + 1) begin
    if (rst_i || (clear_i && 32'(clear_idx_i) == i)) fv_model_q[i*Width+:Width] <= '0;
    else if (we_i && 32'(widx_i) == i) fv_model_q[i*Width+:Width] <= wdata_i;
  end
end

logic [Reads-1:0] fv_right;
always_comb begin
  for (int unsigned r = 0; r < Reads; r = r + 1) begin
    fv_right[r] = 1'b1;
    for (int unsigned i = 0; i < NumPortals; i = i + 1) begin
      if (32'(ridx_i[r*PortalW+:PortalW]) == i) begin
        fv_right[r] = rdata_o[r*Width+:Width] == fv_model_q[i*Width+:Width];
      end
    end
  end
end

always_comb begin
  assume (32'(ridx_i[PortalW-1:0]) < NumPortals && 32'(ridx_i[PortalW+:PortalW]) < NumPortals &&
          32'(widx_i) < NumPortals);
  assume (!(we_i && clear_i && widx_i == clear_idx_i));
  if (fv_run_q) begin
    reads_own_value: assert (&fv_right);
    assert (fv_values == fv_model_q);
  end
end
`endif
